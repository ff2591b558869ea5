{{/* Flags and environment of `sei-operator run`. */}}

{{/* Flags: the chart's, unless extraArgs has the same flag. Those that other objects depend on cannot be replaced. */}}
{{- define "sei-operator.args" -}}
{{- $own := list
  "--leader-elect=true"
  (printf "--leader-election-id=%s" (include "sei-operator.lease" .))
  "--metrics-bind-address=:8080"
  "--health-probe-bind-address=:8081"
  (printf "--secret-access=%s" .Values.secretAccess)
  (printf "--workers=%d" (int .Values.workers))
  (printf "--log-format=%s" .Values.log.format)
  (printf "--log-level=%s" .Values.log.level) }}
{{- range .Values.watchNamespaces }}
{{- $own = append $own (printf "--watch-namespace=%s" .) }}
{{- end }}
{{- if .Values.metrics.auth.enabled }}
{{- $own = append $own "--metrics-auth" }}
{{- end }}
{{- $fixed := dict
  "--leader-elect" "the replicas depend on it"
  "--leader-election-id" "set leaderElection.leaseName, which the Role depends on"
  "--leader-election-namespace" "the Role is in the namespace of the release"
  "--metrics-auth" "set metrics.auth.enabled, which the roles depend on"
  "--metrics-bind-address" "the Service and the NetworkPolicy depend on it"
  "--health-probe-bind-address" "the probes depend on it"
  "--secret-access" "set secretAccess, which the roles depend on"
  "--watch-namespace" "set watchNamespaces, which the roles depend on" }}
{{- $replaced := dict }}
{{- range .Values.extraArgs }}
{{- $flag := splitList "=" . | first }}
{{- with get $fixed $flag }}
{{- fail (printf "extraArgs: %s cannot be replaced: %s" $flag .) }}
{{- end }}
{{- $_ := set $replaced $flag true }}
{{- end }}
- run
{{- range $own }}
{{- if not (hasKey $replaced (splitList "=" . | first)) }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* Environment: the pod's name and uid, by which a restarted container retakes its own lease, and the platform
settings, unless extraEnv has a variable of that name; then extraEnv. */}}
{{- define "sei-operator.env" -}}
{{- $replaced := dict }}
{{- range .Values.extraEnv }}
{{- if hasKey $replaced .name }}
{{- fail (printf "extraEnv: %s is listed twice" .name) }}
{{- end }}
{{- $_ := set $replaced .name true }}
{{- end }}
{{- range $name, $field := dict "POD_NAME" "metadata.name" "POD_UID" "metadata.uid" }}
{{- if not (hasKey $replaced $name) }}
- name: {{ $name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $field }}
{{- end }}
{{- end }}
{{- range $name, $value := include "sei-operator.platform" . | fromYaml }}
{{- if not (hasKey $replaced $name) }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
