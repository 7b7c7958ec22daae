{{/*
Helpers, and how to call them.

  perch.fullname         . → name of the release's objects
  perch.runId            . → run.id, or the release's name: names the RayJob and the run's folder
  perch.labels           . → labels of objects            perch.selector (dict "root" . "component" "head") → labels of pods
  perch.image            . → image reference
  perch.claim            . → name of the results claim ("" for emptyDir)
  perch.bytes            "4Gi" → bytes                    perch.seconds "1h30m" → seconds
  perch.studyTime        . → the time budget in seconds, from timeBudget or the study; "" when neither names one
  perch.deadline         . → seconds after which the operator ends the job
  perch.suspendable      . → "true" when the operator must be able to suspend the job
  perch.entrypoint       . → the shell line that the operator submits; a string of `set` stays one, whatever YAML would read in it
The pod template lies in _pod.tpl, the RayCluster's specification in _cluster.tpl, what is refused in _validate.tpl.
*/}}

{{- define "perch.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end -}}

{{- define "perch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains (include "perch.name" .) .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "perch.name" .) -}}
{{- end -}}
{{- end -}}

{{- define "perch.runId" -}}
{{- default .Release.Name .Values.run.id -}}
{{- end -}}

{{- define "perch.labels" -}}
app.kubernetes.io/name: {{ include "perch.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "perch.selector" -}}
app.kubernetes.io/name: {{ include "perch.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "perch.image" -}}
{{- $image := .Values.image -}}
{{- $repository := ternary (printf "%s/%s" $image.registry $image.repository) $image.repository (ne $image.registry "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "perch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "perch.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "perch.claim" -}}
{{- if eq .Values.storage.type "pvc" -}}
{{- default (printf "%s-results" (include "perch.fullname" .)) .Values.storage.existingClaim -}}
{{- end -}}
{{- end -}}

{{/* A quantity of memory in bytes, as a whole number. */}}
{{- define "perch.bytes" -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- $factor := get (dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit -}}
{{- mulf (float64 (trimSuffix $unit .)) $factor | int64 -}}
{{- end -}}

{{/* A duration such as 1h30m in seconds, as a whole number. A bare number counts as seconds; YAML's may be written 1e+06. */}}
{{- define "perch.seconds" -}}
{{- if kindIs "string" . -}}
{{- $total := 0.0 -}}
{{- range regexFindAll "[0-9.]+[dhms]?" (regexReplaceAll "\\s" . "") -1 -}}
{{- $unit := regexFind "[dhms]?$" . -}}
{{- $total = addf $total (mulf (float64 (trimSuffix $unit .)) (get (dict "d" 86400 "h" 3600 "m" 60 "s" 1 "" 1) $unit)) -}}
{{- end -}}
{{- int64 (ceil $total) -}}
{{- else -}}
{{- int64 (ceil (float64 .)) -}}
{{- end -}}
{{- end -}}

{{/*
The time of one run, as the command sees it: trials or timeBudget replace the study's whole budget, `set` changes parts of it.
What compare and train make of a budget is theirs: they get no deadline from it.
*/}}
{{- define "perch.studyTime" -}}
{{- $study := fromYaml (default "{}" .Values.study) -}}
{{- $budget := get $study "budget" -}}
{{- if hasKey .Values.set "budget" -}}
{{- $budget = get .Values.set "budget" -}}
{{- if kindIs "string" $budget -}}{{- $budget = fromYaml $budget -}}{{- end -}}
{{- end -}}
{{- $time := "" -}}
{{- if kindIs "map" $budget -}}{{- $time = get $budget "time" -}}{{- end -}}
{{- if hasKey .Values.set "budget.time" -}}{{- $time = get .Values.set "budget.time" -}}{{- end -}}
{{- if or .Values.timeBudget (not (kindIs "invalid" .Values.trials)) -}}{{- $time = .Values.timeBudget -}}{{- end -}}
{{- if and $time (eq (first .Values.command) "run") -}}{{- include "perch.seconds" $time -}}{{- end -}}
{{- end -}}

{{- define "perch.deadline" -}}
{{- $time := include "perch.studyTime" . -}}
{{- if .Values.deadline.seconds -}}
{{- int64 .Values.deadline.seconds -}}
{{- else if $time -}}
{{- add (int64 $time) (int64 .Values.deadline.marginSeconds) -}}
{{- else -}}
604800
{{- end -}}
{{- end -}}

{{- define "perch.suspendable" -}}
{{- if or .Values.suspendable .Values.suspend .Values.kueue.queueName -}}true{{- end -}}
{{- end -}}

{{- define "perch.keepHeadSeconds" -}}
{{- if include "perch.suspendable" . -}}0
{{- else if kindIs "invalid" .Values.finish.keepHeadSeconds -}}3600
{{- else -}}{{- int64 .Values.finish.keepHeadSeconds -}}
{{- end -}}
{{- end -}}

{{/* Resources with what a container may use of its node's disk, unless they say so themselves. small: for what stands beside Ray. */}}
{{- define "perch.withDisk" -}}
{{- $resources := deepCopy (default dict .resources) -}}
{{- $disk := .root.Values.ephemeralStorage -}}
{{- $small := default false .small -}}
{{- range $kind, $size := dict "requests" (ternary "64Mi" $disk.request $small) "limits" (ternary "1Gi" $disk.limit $small) -}}
{{- if and $size (or (not $small) $disk.request $disk.limit) -}}
{{- $resources = set $resources $kind (merge (default dict (get $resources $kind)) (dict "ephemeral-storage" $size)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* Where the study lies in the pods; empty for the image's own. */}}
{{- define "perch.studyPath" -}}
{{- if not .Values.demo -}}/etc/perch/{{ include "perch.studyKey" . }}{{- end -}}
{{- end -}}

{{- define "perch.studyKey" -}}
{{- ternary .Values.studyConfigMap.key "study.yaml" (ne .Values.studyConfigMap.name "") -}}
{{- end -}}

{{- define "perch.studyConfigMap" -}}
{{- if .Values.studyConfigMap.name -}}{{- .Values.studyConfigMap.name -}}
{{- else if .Values.study -}}{{- printf "%s-study" (include "perch.runId" .) -}}
{{- end -}}
{{- end -}}

{{/* One word of a shell line. */}}
{{- define "perch.word" -}}
{{- $word := toString . -}}
{{- if regexMatch "^[A-Za-z0-9_@%+=:,./-]+$" $word -}}{{- $word -}}
{{- else -}}'{{ $word | replace "'" "'\\''" }}'
{{- end -}}
{{- end -}}

{{- define "perch.entrypoint" -}}
{{- $verb := first .Values.command -}}
{{- $line := list "perch" $verb -}}
{{- if has $verb (list "run" "compare" "train") -}}
{{- with include "perch.studyPath" . -}}{{- $line = append $line . -}}{{- end -}}
{{- $line = concat $line (rest .Values.command) -}}
{{- if and .Values.strategy (eq $verb "run") -}}{{- $line = concat $line (list "--strategy" .Values.strategy) -}}{{- end -}}
{{- if not (kindIs "invalid" .Values.trials) -}}{{- $line = concat $line (list "--trials" (int64 .Values.trials)) -}}{{- end -}}
{{- with .Values.timeBudget -}}{{- $line = concat $line (list "--time-budget" .) -}}{{- end -}}
{{- if not (kindIs "invalid" .Values.seed) -}}{{- $line = concat $line (list "--seed" (int64 .Values.seed)) -}}{{- end -}}
{{- range $path, $value := .Values.set -}}
{{- $text := ternary $value (toJson $value) (and (kindIs "string" $value) (not (regexMatch "^[-+.0-9~]|^(?i:on|off|yes|no|y|n|true|false|null)$" (toString $value)))) -}}
{{- $line = concat $line (list "--set" (printf "%s=%s" $path $text)) -}}
{{- end -}}
{{- $line = concat $line .Values.extraArgs (list "--out" .Values.storage.mountPath "--run-id" (include "perch.runId" .)) -}}
{{- else -}}
{{- $line = concat $line (rest .Values.command) .Values.extraArgs -}}
{{- end -}}
{{- $words := list -}}
{{- range $line -}}{{- $words = append $words (include "perch.word" .) -}}{{- end -}}
{{- join " " $words -}}
{{- end -}}
