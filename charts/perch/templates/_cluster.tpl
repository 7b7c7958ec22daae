{{/* perch.cluster . → the specification of the RayCluster, the same in both modes. */}}

{{- define "perch.rayStartParams" -}}
{{- $params := dict "object-store-memory" (include "perch.bytes" (default "512Mi" .group.sharedMemory) | int64 | mulf 0.9 | int64 | toString) -}}
{{- if eq .component "head" -}}
{{- $params = merge $params (dict "dashboard-host" "0.0.0.0" "num-gpus" "0") -}}
{{- if not .group.runsTrials -}}{{- $params = set $params "num-cpus" "0" -}}{{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite $params (default dict .group.rayStartParams)) -}}
{{- end -}}

{{/* perch.cores GROUP → the cores that Ray counts on a node: of `rayStartParams`, else the limit (the request where there is none), rounded up. */}}
{{- define "perch.cores" -}}
{{- $cpu := toString (default (dig "requests" "cpu" "0" (default dict .resources)) (dig "limits" "cpu" "" (default dict .resources))) -}}
{{- $cores := ternary (divf (float64 (trimSuffix "m" $cpu)) 1000) (float64 (trimSuffix "m" $cpu)) (hasSuffix "m" $cpu) -}}
{{- get (default dict .rayStartParams) "num-cpus" | default (ceil $cores | int64 | toString) -}}
{{- end -}}

{{/* perch.offers . → all nodes that there may be, as PERCH_CLUSTER lists them: for strategies, which plan for the workers that come. */}}
{{- define "perch.offers" -}}
{{- $groups := list -}}
{{- if .Values.head.runsTrials -}}{{- $groups = append $groups (printf "1x%s" (include "perch.cores" .Values.head)) -}}{{- end -}}
{{- range .Values.workerGroups -}}
{{- $replicas := int64 (ternary .replicas 1 (hasKey . "replicas")) -}}
{{- $most := int64 (ternary (ternary .maxReplicas $replicas (hasKey . "maxReplicas")) $replicas $.Values.autoscaling.enabled) -}}
{{- $gpus := get (default dict .rayStartParams) "num-gpus" | default (int64 (default 0 .gpus) | toString) -}}
{{- if $most -}}{{- $groups = append $groups (printf "%dx%s:%s" $most (include "perch.cores" .) $gpus) -}}{{- end -}}
{{- end -}}
{{- join " " $groups -}}
{{- end -}}

{{- define "perch.cluster" -}}
{{- $root := . -}}
rayVersion: {{ .Values.rayVersion | quote }}
{{- if .Values.auth.enabled }}
authOptions:
  mode: token
  {{- with .Values.auth.existingSecret }}
  secretName: {{ . | quote }}
  {{- end }}
{{- else }}
authOptions:
  mode: disabled
{{- end }}
{{- if .Values.autoscaling.enabled }}
enableInTreeAutoscaling: true
autoscalerOptions:
  version: v2
  idleTimeoutSeconds: {{ int64 .Values.autoscaling.idleTimeoutSeconds }}
  imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
  {{- with .Values.securityContext }}
  securityContext: {{- toYaml . | nindent 4 }}
  {{- end }}
  resources: {{- include "perch.withDisk" (dict "resources" .Values.autoscaling.resources "root" . "small" true) | nindent 4 }}
  env:
    - {name: HOME, value: /home/perch}
    {{- if .Values.tls.enabled }}
    {{- include "perch.tlsEnv" . | nindent 4 }}
    {{- end }}
  volumeMounts:
    {{- if .Values.tls.enabled }}
    - {name: tls, mountPath: /etc/perch-tls, readOnly: true}
    {{- end }}
    - {name: tmp, mountPath: /tmp}
    - {name: home, mountPath: /home/perch}
{{- end }}
headGroupSpec:
  rayStartParams: {{- include "perch.rayStartParams" (dict "component" "head" "group" .Values.head) | nindent 4 }}
  template: {{- include "perch.pod" (dict "root" $root "component" "head" "group" .Values.head) | nindent 4 }}
workerGroupSpecs:
{{- range .Values.workerGroups }}
  - groupName: {{ .name | quote }}
    {{- $replicas := int64 (ternary .replicas 1 (hasKey . "replicas")) }}
    replicas: {{ $replicas }}
    minReplicas: {{ int64 (ternary .minReplicas (ternary 0 $replicas $root.Values.autoscaling.enabled) (hasKey . "minReplicas")) }}
    maxReplicas: {{ int64 (ternary .maxReplicas $replicas (hasKey . "maxReplicas")) }}
    rayStartParams: {{- include "perch.rayStartParams" (dict "component" "worker" "group" .) | nindent 6 }}
    template: {{- include "perch.pod" (dict "root" $root "component" "worker" "group" .) | nindent 6 }}
{{- else }} []
{{- end }}
{{- end -}}
