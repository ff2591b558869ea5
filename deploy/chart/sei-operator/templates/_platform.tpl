{{/* The platform settings, as environment variables. The operator validates them all at start. */}}
{{- define "sei-operator.platform" -}}
{{- with .Values.platform -}}
SEI_SIDECAR_IMAGE: {{ .images.sidecar | quote }}
SEI_COSMOS_EXPORTER_IMAGE: {{ .images.exporter | quote }}
{{- with .images.proxy }}
SEI_KUBE_RBAC_PROXY_IMAGE: {{ . | quote }}
{{- end }}
{{- with .allowedImages }}
SEI_ALLOWED_IMAGES: {{ join "," . | quote }}
{{- end }}
{{- with .peerNamespaces }}
SEI_PEER_NAMESPACES: {{ join "," . | quote }}
{{- end }}
SEI_CONFIG_ROLLOUT: {{ .configRollout | quote }}
SEI_SIDECAR_ROLLOUT: {{ .sidecarRollout.type | quote }}
SEI_SIDECAR_ROLLOUT_MAX_UNAVAILABLE: {{ .sidecarRollout.maxUnavailable | quote }}
{{- with .rpcServers }}
SEI_RPC_SERVERS: {{ toJson . | quote }}
{{- end }}
{{- with .gateway }}
{{- if .name }}
SEI_GATEWAY_NAME: {{ .name | quote }}
SEI_GATEWAY_NAMESPACE: {{ .namespace | quote }}
SEI_GATEWAY_DOMAIN: {{ .domain | quote }}
{{- with .publicDomain }}
SEI_GATEWAY_PUBLIC_DOMAIN: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .referenceLabel }}
SEI_REFERENCE_LABEL: {{ . | quote }}
{{- end }}
SEI_CLUSTER_DOMAIN: {{ .clusterDomain | quote }}
SEI_SERVICE_ACCOUNT: {{ .serviceAccount | quote }}
SEI_TOLERATION_KEY: {{ .tolerationKey | quote }}
SEI_NODEPOOL_NAME: {{ .default.nodePool | quote }}
SEI_STORAGE_CLASS_PERF: {{ .default.storageClass | quote }}
SEI_STORAGE_SIZE_DEFAULT: {{ .default.storageSize | quote }}
SEI_RESOURCE_CPU_DEFAULT: {{ .default.cpu | quote }}
SEI_RESOURCE_MEM_DEFAULT: {{ .default.memory | quote }}
SEI_NODEPOOL_ARCHIVE: {{ .archive.nodePool | quote }}
SEI_STORAGE_CLASS_ARCHIVE: {{ .archive.storageClass | quote }}
SEI_STORAGE_SIZE_ARCHIVE: {{ .archive.storageSize | quote }}
SEI_RESOURCE_CPU_ARCHIVE: {{ .archive.cpu | quote }}
SEI_RESOURCE_MEM_ARCHIVE: {{ .archive.memory | quote }}
{{- range $mode, $size := dict "DEFAULT" .default "ARCHIVE" .archive "VALIDATOR" .validator "REPLAYER" .replayer }}
{{- with $size.memoryLimit }}
SEI_RESOURCE_MEM_LIMIT_{{ $mode }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- range $mode, $size := dict "VALIDATOR" .validator "REPLAYER" .replayer }}
{{- range $setting, $value := dict "SEI_NODEPOOL" $size.nodePool "SEI_STORAGE_CLASS" $size.storageClass "SEI_STORAGE_SIZE" $size.storageSize "SEI_RESOURCE_CPU" $size.cpu "SEI_RESOURCE_MEM" $size.memory }}
{{- with $value }}
{{ $setting }}_{{ $mode }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
SEI_SNAPSHOT_BUCKET: {{ .snapshots.bucket | quote }}
SEI_SNAPSHOT_REGION: {{ .snapshots.region | quote }}
SEI_GENESIS_BUCKET: {{ .genesis.bucket | quote }}
SEI_GENESIS_REGION: {{ .genesis.region | quote }}
{{- end }}
{{- end }}
