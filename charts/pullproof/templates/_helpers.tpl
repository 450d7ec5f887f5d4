{{- define "pullproof.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "pullproof.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "pullproof.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Cluster-wide objects carry the namespace too, so that two releases of one name do not meet. */}}
{{- define "pullproof.clusterName" -}}
{{- if eq .Release.Namespace (printf "%s-system" (include "pullproof.fullname" .)) -}}
{{- include "pullproof.fullname" . -}}
{{- else -}}
{{- printf "%s-%s" (include "pullproof.fullname" .) .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "pullproof.serviceAccountName" -}}
{{- default (ternary (include "pullproof.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{- define "pullproof.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pullproof.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pullproof.labels" -}}
{{ include "pullproof.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "pullproof.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Where the certificate's files come from: "" when the webhook keeps its own. */}}
{{- define "pullproof.certificateSecret" -}}
{{- if eq .Values.certificates.mode "certManager" -}}
{{- .Values.certificates.secretName | default (printf "%s-tls" (include "pullproof.fullname" .)) -}}
{{- else if eq .Values.certificates.mode "secret" -}}
{{- required "certificates.secretName is required with certificates.mode: secret" .Values.certificates.secretName -}}
{{- end -}}
{{- end }}

{{- define "pullproof.secretAccess" -}}
{{- if and (eq .Values.rbac.secretAccess "namespaces") (not .Values.rbac.secretNamespaces) -}}
{{- fail "rbac.secretAccess: namespaces needs rbac.secretNamespaces" -}}
{{- end -}}
{{- .Values.rbac.secretAccess -}}
{{- end }}

{{/* The configuration as given, with what the chart itself decides. */}}
{{- define "pullproof.config" -}}
{{- $server := dict "port" (int .Values.server.port) "metricsPort" (int .Values.server.metricsPort) -}}
{{- $_ := set $server "drain" (printf "%ds" (int .Values.server.drainSeconds)) -}}
{{- if .Values.events.enabled -}}{{- $_ := set $server "events" true -}}{{- end -}}
{{- if .Values.imageReview.enabled -}}
{{- $excluded := concat .Values.webhook.excludeNamespaces (list .Release.Namespace) | uniq -}}
{{- $_ := set $server "imageReview" (dict "enabled" true "excludeNamespaces" $excluded) -}}
{{- end -}}
{{- if .Values.externalData.enabled -}}{{- $_ := set $server "externalData" (dict "enabled" true) -}}{{- end -}}
{{- if include "pullproof.certificateSecret" . -}}
{{- $_ := set $server "certFile" "/etc/pullproof/certificates/tls.crt" -}}
{{- $_ := set $server "keyFile" "/etc/pullproof/certificates/tls.key" -}}
{{- end -}}
{{- toYaml (mergeOverwrite (dict "server" $server) (deepCopy .Values.config)) -}}
{{- end }}
