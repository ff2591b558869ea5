{{/* Names, labels and choices that several templates share. */}}

{{/* Name of every object of the release. */}}
{{- define "sei-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels that select the operator's pods. They are immutable. */}}
{{- define "sei-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels of every object: the chart's, then commonLabels. */}}
{{- define "sei-operator.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge (include "sei-operator.selector" . | fromYaml) $own .Values.commonLabels | toYaml }}
{{- end }}

{{/* Annotation of what an uninstall must keep, since nodes keep running. */}}
{{- define "sei-operator.keep" -}}
helm.sh/resource-policy: keep
{{- end }}

{{- define "sei-operator.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- with .Values.image.digest -}}
{{ $.Values.image.repository }}@{{ . }}
{{- else -}}
{{ .Values.image.repository }}:{{ $tag }}
{{- end -}}
{{- end }}

{{/* imagePullSecrets of a pod or ServiceAccount, from a list of names or of {name: …}. */}}
{{- define "sei-operator.pullSecrets" -}}
{{- range . }}
- name: {{ (kindIs "map" . | ternary . (dict "name" .)).name | quote }}
{{- end }}
{{- end }}

{{/* The permissions, generated from the operator's code. */}}
{{- define "sei-operator.rbac" -}}
{{ .Files.Get "files/rbac.yaml" }}
{{- end }}

{{/* Namespaces, as JSON, whose nodes get what their pods need. */}}
{{- define "sei-operator.node-namespaces" -}}
{{ .Values.nodes.namespaces | default .Values.watchNamespaces | toJson }}
{{- end }}

{{/* Name of the Lease: each release has its own; the usual one has that of the Go controller. */}}
{{- define "sei-operator.lease" -}}
{{- $name := include "sei-operator.fullname" . }}
{{- .Values.leaderElection.leaseName | default (eq $name .Chart.Name | ternary (include "sei-operator.default-lease" .) $name) }}
{{- end }}

{{/* The Lease of the Go controller, which the generated files name. */}}
{{- define "sei-operator.default-lease" -}}
bc1f5b0a.sei.io
{{- end }}

{{/* Name of the operator's ServiceAccount. */}}
{{- define "sei-operator.account" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "sei-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | required "serviceAccount.name: with serviceAccount.create=false it must name an existing ServiceAccount" }}
{{- end }}
{{- end }}

{{/* The operator's ServiceAccount as the subject of a binding. */}}
{{- define "sei-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "sei-operator.account" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{/* The operator's ServiceAccount as the subject of a FlowSchema. */}}
{{- define "sei-operator.flow-subjects" -}}
- kind: ServiceAccount
  serviceAccount:
    name: {{ include "sei-operator.account" . | quote }}
    namespace: {{ .Release.Namespace | quote }}
{{- end }}
