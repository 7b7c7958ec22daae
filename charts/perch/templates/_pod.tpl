{{/*
The one pod template, for head and workers alike.

  perch.pod (dict "root" . "component" "head"|"worker" "group" GROUP)   GROUP: .Values.head or an item of .Values.workerGroups
  perch.podRules, perch.containerRules, perch.storageVolume             parts that TensorBoard's own pod and the test share
*/}}

{{- define "perch.podRules" -}}
serviceAccountName: {{ include "perch.serviceAccountName" . | quote }}
automountServiceAccountToken: false
{{- $security := .Values.podSecurityContext }}
{{- if .Values.arbitraryUid }}{{- $security = omit $security "runAsUser" "runAsGroup" "fsGroup" "fsGroupChangePolicy" }}{{- end }}
{{- with $security }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "perch.containerRules" -}}
image: {{ include "perch.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
{{- with .Values.securityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "perch.storageVolume" -}}
name: results
{{- if eq .Values.storage.type "pvc" }}
persistentVolumeClaim:
  claimName: {{ include "perch.claim" . | quote }}
{{- else }}
emptyDir: {}
{{- end }}
{{- end -}}

{{/* Everything on one node: each pod wants to be where another of the release is. */}}
{{- define "perch.affinity" -}}
{{- $affinity := deepCopy (default dict .affinity) -}}
{{- if .root.Values.storage.singleNode -}}
{{- $term := dict "labelSelector" (dict "matchLabels" (include "perch.selector" (dict "root" .root) | fromYaml)) "topologyKey" "kubernetes.io/hostname" -}}
{{- $pod := default dict (get $affinity "podAffinity") -}}
{{- $terms := append (default list (get $pod "requiredDuringSchedulingIgnoredDuringExecution")) $term -}}
{{- $affinity = set $affinity "podAffinity" (set $pod "requiredDuringSchedulingIgnoredDuringExecution" $terms) -}}
{{- end -}}
{{- if $affinity }}
affinity: {{- toYaml $affinity | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "perch.env" -}}
{{- $values := .root.Values -}}
- {name: HOME, value: /home/perch}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
- {name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S, value: "5"}
- {name: RAY_raylet_start_wait_time_s, value: "120"}
- {name: PERCH_GRACE_S, value: {{ max 3 (sub (int64 $values.terminationGracePeriodSeconds) 20) | quote }}}
- {name: RAY_JOB_STOP_WAIT_TIME_S, value: {{ max 3 (sub (int64 $values.terminationGracePeriodSeconds) 20) | quote }}}
{{- if eq .component "head" }}{{ with include "perch.offers" .root }}
- {name: PERCH_CLUSTER, value: {{ . | quote }}}
{{- end }}{{ end }}
{{- if eq $values.mode "job" }}
- {name: PERCH_RESUME_COMMAND, value: {{ printf "helm -n %s uninstall %s, then helm install with the same values (run.id=%s)" .root.Release.Namespace .root.Release.Name (include "perch.runId" .root) | quote }}}
{{- end }}
{{- if $values.tls.enabled }}
{{ include "perch.tlsEnv" .root }}
{{- end }}
{{- if or $values.trainable.configMap $values.trainable.existingClaim }}
- {name: PYTHONPATH, value: {{ $values.trainable.mountPath | quote }}}
{{- end }}
{{- with $values.wandb.existingSecret }}
- name: WANDB_API_KEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $values.wandb.key | quote }}}}
{{- end }}
{{- with concat $values.extraEnv (default list .group.extraEnv) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "perch.mounts" -}}
{{- $values := .root.Values -}}
- {name: results, mountPath: {{ $values.storage.mountPath | quote }}}
- {name: tmp, mountPath: /tmp}
- {name: home, mountPath: /home/perch}
- {name: shm, mountPath: /dev/shm}
{{- if include "perch.studyConfigMap" .root }}
- {name: study, mountPath: /etc/perch, readOnly: true}
{{- end }}
{{- if or $values.data.existingClaim $values.data.configMap }}
- name: data
  mountPath: {{ $values.data.mountPath | quote }}
  readOnly: true
  {{- with $values.data.subPath }}
  subPath: {{ . | quote }}
  {{- end }}
{{- end }}
{{- if or $values.trainable.configMap $values.trainable.existingClaim }}
- {name: trainable, mountPath: {{ $values.trainable.mountPath | quote }}, readOnly: true}
{{- end }}
{{- if $values.tls.enabled }}
- {name: tls, mountPath: /etc/perch-tls, readOnly: true}
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "perch.volumes" -}}
{{- $values := .root.Values -}}
- {{ include "perch.storageVolume" .root | indent 2 | trim }}
- {name: tmp, emptyDir: {sizeLimit: {{ $values.tmpSize | quote }}}}
- {name: home, emptyDir: {sizeLimit: 1Gi}}
- {name: shm, emptyDir: {medium: Memory, sizeLimit: {{ .group.sharedMemory | default "512Mi" | quote }}}}
{{- with include "perch.studyConfigMap" .root }}
- {name: study, configMap: {name: {{ . | quote }}}}
{{- end }}
{{- if $values.data.existingClaim }}
- {name: data, persistentVolumeClaim: {claimName: {{ $values.data.existingClaim | quote }}, readOnly: true}}
{{- else if $values.data.configMap }}
- {name: data, configMap: {name: {{ $values.data.configMap | quote }}}}
{{- end }}
{{- if $values.trainable.existingClaim }}
- {name: trainable, persistentVolumeClaim: {claimName: {{ $values.trainable.existingClaim | quote }}, readOnly: true}}
{{- else if $values.trainable.configMap }}
- {name: trainable, configMap: {name: {{ $values.trainable.configMap | quote }}}}
{{- end }}
{{- if $values.autoscaling.enabled }}
- {name: ray-logs, emptyDir: {}}
{{- end }}
{{- if $values.tls.enabled }}
- {name: ca, secret: {secretName: {{ include "perch.tlsSecret" .root | quote }}, defaultMode: 0440}}
- {name: tls, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "perch.resources" -}}
{{- $resources := deepCopy (default dict .group.resources) -}}
{{- if .group.gpus -}}
{{- $name := default "nvidia.com/gpu" .group.gpuResource -}}
{{- $limits := merge (dict $name (int64 .group.gpus)) (default dict $resources.limits) -}}
{{- $resources = set $resources "limits" $limits -}}
{{- end -}}
{{- include "perch.withDisk" (dict "resources" $resources "root" .root) -}}
{{- end -}}

{{- define "perch.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $group := .group -}}
{{- $head := eq .component "head" -}}
metadata:
  labels: {{- include "perch.selector" (dict "root" $root "component" .component) | nindent 4 }}
    {{- if eq $values.mode "job" }}
    perch-hpo/run: {{ include "perch.runId" $root | quote }}
    {{- end }}
    {{- with mergeOverwrite (deepCopy $values.commonLabels) $values.podLabels (default dict $group.labels) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := mergeOverwrite (deepCopy $values.podAnnotations) (default dict $group.annotations) }}
  {{- if $head }}{{- $annotations = merge $annotations (dict "cluster-autoscaler.kubernetes.io/safe-to-evict" "false") }}{{- end }}
  {{- with $annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- $rules := include "perch.podRules" $root | fromYaml }}
  {{- if and $head $values.autoscaling.enabled }}{{- $rules = set $rules "automountServiceAccountToken" true }}{{- end }}
  {{- toYaml $rules | nindent 2 }}
  {{- if $values.autoscaling.enabled }}
  restartPolicy: Never
  {{- end }}
  terminationGracePeriodSeconds: {{ int64 $values.terminationGracePeriodSeconds }}
  enableServiceLinks: false
  {{- with $group.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with $group.runtimeClassName }}
  runtimeClassName: {{ . | quote }}
  {{- end }}
  {{- with $group.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.topologySpreadConstraints }}
  topologySpreadConstraints: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "perch.affinity" (dict "root" $root "affinity" $group.affinity) }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- $beside := list }}
  {{- if $values.tls.enabled }}{{- $beside = append $beside (include "perch.tlsInit" $root | fromYaml) }}{{- end }}
  {{- if $head }}{{- $beside = concat $beside (include "perch.sidecars" $root | fromYamlArray) }}{{- end }}
  {{- with $beside }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ ternary "ray-head" "ray-worker" $head | quote }}
      {{- include "perch.containerRules" $root | nindent 6 }}
      env: {{- include "perch.env" (dict "root" $root "group" $group "component" .component) | nindent 8 }}
      {{- with $values.envFromSecrets }}
      envFrom:
        {{- range . }}
        - secretRef: {name: {{ . | quote }}}
        {{- end }}
      {{- end }}
      {{- if $head }}
      ports:
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: client, containerPort: 10001}
        - {name: metrics, containerPort: 8080}
      lifecycle:
        preStop:
          exec:
            command: {{- include "perch.preStop" $root | nindent 14 }}
      {{- end }}
      {{- include "perch.probes" . | nindent 6 }}
      resources: {{- include "perch.resources" (dict "group" $group "root" $root) | nindent 8 }}
      volumeMounts: {{- include "perch.mounts" (dict "root" $root) | nindent 8 }}
  volumes: {{- include "perch.volumes" (dict "root" $root "group" $group) | nindent 4 }}
{{- end -}}
