{{/* Names, labels and choices that several templates make alike. */}}

{{/* What every object is named after. */}}
{{- define "sei-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels by which the operator's pods are selected. They can never change. */}}
{{- define "sei-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sei-operator.labels" -}}
{{ include "sei-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Annotation of what an uninstall must leave, since nodes go on running. */}}
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

{{/* The permissions, as the operator's code has them. */}}
{{- define "sei-operator.rbac" -}}
{{ .Files.Get "files/rbac.yaml" }}
{{- end }}

{{/* Namespaces, as JSON, whose nodes get what their pods need. */}}
{{- define "sei-operator.node-namespaces" -}}
{{ .Values.nodes.namespaces | default .Values.watchNamespaces | toJson }}
{{- end }}

{{/* The operator's ServiceAccount as the subject of a binding. */}}
{{- define "sei-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "sei-operator.fullname" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
