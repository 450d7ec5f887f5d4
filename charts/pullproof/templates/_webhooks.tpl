{{/*
What the API server does not send us. The same list is in webhook/workload/change.py and kinds.py, and a test holds the
two against each other on a real API server. A condition that fails to evaluate counts as "do not call" under Ignore, so
every field is taken as optional.

[x].exists(name, …) gives a value a name.
*/}}
{{- define "pullproof.celImages" -}}
{{- range $index, $list := list "containers" "initContainers" "ephemeralContainers" -}}
{{- if $index }} ||
{{ end -}}
n.?{{ $list }}.orValue([]).map(c, [c.?name.orValue(''), c.?image.orValue(''), c.?imagePullPolicy.orValue('')]) !=
o.?{{ $list }}.orValue([]).map(c, [c.?name.orValue(''), c.?image.orValue(''), c.?imagePullPolicy.orValue('')])
{{- end -}}
{{- end }}

{{- define "pullproof.celPullChanged" -}}
request.operation != 'UPDATE' ||
{{- with .woken }}
{{ . }} ||
{{- end }}
[object{{ .path }}.orValue({})].exists(n, [oldObject{{ .path }}.orValue({})].exists(o,
{{ include "pullproof.celImages" . }} ||
n.?volumes.orValue([]).filter(v, has(v.image)).map(v, [v.?name.orValue(''), v.image.?reference.orValue(''), v.image.?pullPolicy.orValue('')]) !=
o.?volumes.orValue([]).filter(v, has(v.image)).map(v, [v.?name.orValue(''), v.image.?reference.orValue(''), v.image.?pullPolicy.orValue('')]) ||
{{- range list "imagePullSecrets" "tolerations" }}
n.?{{ . }}.orValue([]) != o.?{{ . }}.orValue([]) ||
{{- end }}
{{- range list "serviceAccountName" "nodeName" }}
n.?{{ . }}.orValue('') != o.?{{ . }}.orValue('') ||
{{- end }}
{{- range list "nodeSelector" "os" "affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution" }}
n.?{{ . }}.orValue({}) != o.?{{ . }}.orValue({}){{ if ne . "affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution" }} ||{{ end }}
{{- end }}
))
{{- end }}

{{- define "pullproof.celOwner" -}}
request.kind.kind != '{{ .kind }}' || !object.metadata.?ownerReferences.orValue([]).exists(r,
r.?controller.orValue(false) && r.kind == '{{ .owner }}' && r.apiVersion.startsWith('{{ .group }}/'))
{{- end }}

{{/* One entry: name, rules, where the pod's spec is, conditions of its kinds. */}}
{{- define "pullproof.webhook" -}}
{{- $root := .root -}}
- name: {{ .name }}.pullproof.dev
  clientConfig:
    service:
      namespace: {{ $root.Release.Namespace }}
      name: {{ include "pullproof.fullname" $root }}
      path: /validate
      port: {{ $root.Values.service.port }}
  rules:
    {{- toYaml .rules | nindent 4 }}
  admissionReviewVersions: [v1]
  matchPolicy: Equivalent
  sideEffects: {{ ternary "NoneOnDryRun" "None" $root.Values.events.enabled }}
  failurePolicy: {{ $root.Values.webhook.failurePolicy }}
  timeoutSeconds: {{ $root.Values.webhook.timeoutSeconds }}
  namespaceSelector:
    {{- $selector := deepCopy $root.Values.webhook.namespaceSelector }}
    {{- $excluded := concat $root.Values.webhook.excludeNamespaces (list $root.Release.Namespace) | uniq }}
    {{- $own := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" $excluded }}
    {{- $_ := set $selector "matchExpressions" (append ($selector.matchExpressions | default list) $own) }}
    {{- toYaml $selector | nindent 4 }}
  {{- with $root.Values.webhook.objectSelector }}
  objectSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  matchConditions:
    - name: not-being-deleted
      expression: "!has(object.metadata.deletionTimestamp)"
    {{- range .conditions }}
    - name: {{ .name }}
      expression: |-
        {{- .expression | nindent 8 }}
    {{- end }}
    - name: pull-changed
      expression: |-
        {{- include "pullproof.celPullChanged" . | nindent 8 }}
    {{- range $root.Values.webhook.matchConditions }}
    - {{ toYaml . | nindent 6 | trim }}
    {{- end }}
{{- end }}

{{- define "pullproof.rule" -}}
apiGroups: [{{ .group | quote }}]
apiVersions: [v1]
operations: {{ .operations | default (list "CREATE" "UPDATE") | toJson }}
resources: {{ .resources | toJson }}
scope: Namespaced
{{- end }}

{{- define "pullproof.webhooks" -}}
{{- $pods := list
  (include "pullproof.rule" (dict "group" "" "resources" (list "pods")) | fromYaml)
  (include "pullproof.rule" (dict "group" "" "resources" (list "pods/ephemeralcontainers") "operations" (list "UPDATE")) | fromYaml) -}}
{{- $workloads := list
  (include "pullproof.rule" (dict "group" "apps" "resources" (list "deployments" "statefulsets" "daemonsets" "replicasets")) | fromYaml)
  (include "pullproof.rule" (dict "group" "" "resources" (list "replicationcontrollers")) | fromYaml)
  (include "pullproof.rule" (dict "group" "batch" "resources" (list "jobs")) | fromYaml) -}}
{{- $cronjobs := list (include "pullproof.rule" (dict "group" "batch" "resources" (list "cronjobs")) | fromYaml) -}}
{{- $templates := list (include "pullproof.rule" (dict "group" "" "resources" (list "podtemplates")) | fromYaml) -}}
{{ include "pullproof.webhook" (dict "root" . "name" "workloads" "rules" $workloads
  "path" ".?spec.?template.?spec"
  "woken" "oldObject.?spec.?replicas.orValue(1) == 0 || oldObject.?spec.?parallelism.orValue(1) == 0 || oldObject.?spec.?suspend.orValue(false)"
  "conditions" (list
    (dict "name" "wanted" "expression" "object.?spec.?replicas.orValue(1) != 0 && object.?spec.?parallelism.orValue(1) != 0 && !object.?spec.?suspend.orValue(false)")
    (dict "name" "not-of-a-deployment" "expression" (include "pullproof.celOwner" (dict "kind" "ReplicaSet" "owner" "Deployment" "group" "apps")))
    (dict "name" "not-of-a-cronjob" "expression" (include "pullproof.celOwner" (dict "kind" "Job" "owner" "CronJob" "group" "batch")))
    (dict "name" "not-finished" "expression" "!object.?status.?conditions.orValue([]).exists(c, request.kind.kind == 'Job' && c.status == 'True' && c.type in ['Complete', 'Failed'])"))) }}
{{ include "pullproof.webhook" (dict "root" . "name" "cronjobs" "rules" $cronjobs
  "path" ".?spec.?jobTemplate.?spec.?template.?spec"
  "woken" "oldObject.?spec.?suspend.orValue(false)"
  "conditions" (list (dict "name" "wanted" "expression" "!object.?spec.?suspend.orValue(false)"))) }}
{{ include "pullproof.webhook" (dict "root" . "name" "podtemplates" "rules" $templates "path" ".?template.?spec" "conditions" list) }}
{{ include "pullproof.webhook" (dict "root" . "name" "pods" "rules" $pods "path" ".?spec"
  "conditions" (list
    (dict "name" "not-a-mirror-pod" "expression" "!('kubernetes.io/config.mirror' in object.metadata.?annotations.orValue({}))")
    (dict "name" "not-finished" "expression" "!(object.?status.?phase.orValue('') in ['Succeeded', 'Failed'])"))) }}
{{- end }}

{{- define "pullproof.registration" -}}
name: {{ include "pullproof.clusterName" . }}
service: {{ include "pullproof.fullname" . }}
lease: {{ include "pullproof.fullname" . }}
configuration: {{ include "pullproof.fullname" . }}
{{- if include "pullproof.certificateSecret" . }}
certificates: files
caFile: /etc/pullproof/certificates/ca.crt
{{- else }}
certificates: selfManaged
secret: {{ include "pullproof.fullname" . }}-certificates
{{- end }}
{{- if .Values.externalData.enabled }}
provider: {{ include "pullproof.provider" . }}
{{- end }}
webhooks:
{{ include "pullproof.webhooks" . }}
{{- end }}
