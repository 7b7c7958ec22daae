{{/*
What runs beside Ray in the head pod, as native sidecars: up before Ray, restarted by themselves, ended after it.

  perch.tensorboard . → the container, shared with the Deployment
  perch.sidecars    . → the list of init containers that stay
  perch.preStop     . → the command that lets the driver leave its state when the head pod must go
  perch.probes (dict "component" …) → probes that find a ready Ray sooner than the operator's own
*/}}

{{- define "perch.boardDir" -}}
{{- if eq .Values.mode "cluster" -}}{{ .Values.storage.mountPath }}
{{- else -}}{{ .Values.storage.mountPath }}/{{ include "perch.runId" . }}
{{- end -}}
{{- end -}}

{{- define "perch.tensorboard" -}}
name: tensorboard
{{ include "perch.containerRules" . }}
command: [tensorboard]
args:
  - --logdir={{ include "perch.boardDir" . }}
  - --host=0.0.0.0
  - --port=6006
  - --reload_interval={{ int64 .Values.tensorboard.reloadSeconds }}
  {{- with .Values.tensorboard.pathPrefix }}
  - --path_prefix={{ . }}
  {{- end }}
  {{- with .Values.tensorboard.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  - {name: HOME, value: /home/perch}
ports:
  - {name: tensorboard, containerPort: 6006}
livenessProbe:
  httpGet: {path: {{ .Values.tensorboard.pathPrefix }}/, port: tensorboard}
  initialDelaySeconds: 60
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 6
resources: {{- include "perch.withDisk" (dict "resources" .Values.tensorboard.resources "root" . "small" true) | nindent 2 }}
volumeMounts:
  - {name: results, mountPath: {{ .Values.storage.mountPath | quote }}, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  - {name: home, mountPath: /home/perch}
{{- end -}}

{{- define "perch.driverLog" -}}
name: driver-log
{{ include "perch.containerRules" . }}
command: [/bin/bash, -c]
args:
  - |
    # One follower per driver log; a job that is submitted again writes a new file.
    trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM
    mkdir -p "$COPIES"
    declare -A seen
    while sleep 1; do
      for log in /tmp/ray/session_[0-9]*/logs/job-driver-*.log; do
        [ -e "$log" ] && [ -z "${seen[$log]:-}" ] || continue
        seen[$log]=1
        name=${log##*/job-driver-}
        tail -n +1 -F "$log" 2>/dev/null | tee "$COPIES/${name%.log}.$HOSTNAME.log" &
      done
    done
env:
  - {name: COPIES, value: {{ .Values.storage.mountPath }}/logs}
resources: {{- include "perch.withDisk" (dict "resources" .Values.driverLog.resources "root" . "small" true) | nindent 2 }}
volumeMounts:
  - {name: results, mountPath: {{ .Values.storage.mountPath | quote }}}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.autoscaling.enabled }}
  - {name: ray-logs, mountPath: /tmp/ray}
  {{- end }}
{{- end -}}

{{- define "perch.sidecars" -}}
{{- $sidecars := list -}}
{{- if and .Values.tensorboard.enabled (eq .Values.tensorboard.kind "sidecar") -}}
{{- $sidecars = append $sidecars (include "perch.tensorboard" . | fromYaml) -}}
{{- end -}}
{{- if .Values.driverLog.enabled -}}{{- $sidecars = append $sidecars (include "perch.driverLog" . | fromYaml) -}}{{- end -}}
{{- $staying := list -}}
{{- range $sidecars -}}{{- $staying = append $staying (set . "restartPolicy" "Always") -}}{{- end -}}
{{- if $staying -}}{{- toYaml $staying -}}{{- end -}}
{{- end -}}

{{/*
The driver is told to end and waited for. Ray's dashboard is halted first: the operator would read the driver's exit as
the failure of the job, where it should find the job missing on the next head and submit it again.
*/}}
{{- define "perch.preStop" -}}
- /bin/bash
- -c
- |
  drivers=()
  for process in /proc/[0-9]*; do
    words=$(tr '\0' ' ' 2>/dev/null < "$process/cmdline")
    case "$words" in
      /bin/bash*|bash*|/bin/sh*|sh*) ;;  # shells, this one too, name the driver in their command line
      *dashboard/dashboard.py*) kill -STOP "${process#/proc/}" ;;
      */perch\ *--run-id*) drivers+=("${process#/proc/}") ;;
    esac
  done
  [ ${#drivers[@]} -eq 0 ] || kill -TERM "${drivers[@]}" 2>/dev/null
  for _ in $(seq {{ max 1 (sub (int64 .Values.terminationGracePeriodSeconds) 15) }}); do
    alive=0
    for driver in "${drivers[@]}"; do [ -e "/proc/$driver" ] && alive=1; done
    [ $alive -eq 1 ] || break
    sleep 1
  done
{{- end -}}

{{- define "perch.probes" -}}
readinessProbe:
  httpGet: {path: /api/healthz, port: 52365}
  initialDelaySeconds: 2
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 30
{{- end -}}
