{{/*
perch.validate . → fails with every rule that the values break, each as what / why / fix.
The schema has refused unknown keys, wrong types and names by then; here is what needs more than one value to judge.
*/}}

{{- define "perch.problems" -}}
{{- $values := .Values -}}
{{- $job := eq $values.mode "job" -}}
{{- $name := ternary (include "perch.runId" .) (include "perch.fullname" .) $job -}}
{{- $longest := ternary 47 53 $job -}}
{{- $pods := 0 -}}
{{- $groups := list -}}
{{- range $values.workerGroups -}}
{{- $pods = add $pods (max (int64 (ternary .replicas 1 (hasKey . "replicas"))) (int64 (default 0 .maxReplicas))) -}}
{{- if has .name $groups }}
- what: two worker groups are called '{{ .name }}'
  why: the operator tells groups apart by their names
  fix: rename one of them in workerGroups
{{- end -}}
{{- $groups = append $groups .name -}}
{{- $replicas := int64 (ternary .replicas 1 (hasKey . "replicas")) -}}
{{- if and (hasKey . "minReplicas") (gt (int64 .minReplicas) (int64 (ternary .maxReplicas $replicas (hasKey . "maxReplicas")))) }}
- what: worker group '{{ .name }}' has minReplicas {{ int64 .minReplicas }} above maxReplicas
  why: the operator refuses such a group
  fix: raise maxReplicas, or lower minReplicas
{{- end -}}
{{- $limit := dig "resources" "limits" "memory" "" . -}}
{{- if and $limit (ge (include "perch.bytes" (default "512Mi" .sharedMemory) | int64) (include "perch.bytes" $limit | int64)) }}
- what: worker group '{{ .name }}' has as much shared memory as memory ({{ .sharedMemory }} of {{ $limit }})
  why: shared memory counts as the container's memory, so that the pod would be killed when it is used
  fix: lower sharedMemory or raise resources.limits.memory
{{- end -}}
{{- if and (not $limit) (not $values.autoscaling.enabled) }}
- what: worker group '{{ .name }}' has no resources.limits.memory
  why: without it Ray takes the memory of the whole node as its own
  fix: set resources.limits.memory
{{- end -}}
{{- if and (hasKey (default dict .rayStartParams) "num-gpus") .gpus }}
- what: worker group '{{ .name }}' sets its GPUs twice, in gpus and in rayStartParams
  why: the operator derives num-gpus from the limits
  fix: remove num-gpus from rayStartParams
{{- end -}}
{{- end -}}
{{- if gt (len $name) $longest }}
- what: the name '{{ $name }}' has {{ len $name }} characters
  why: the operator takes at most {{ $longest }}, since it adds to it
  fix: give a shorter {{ ternary "run.id or release name" "release name or fullnameOverride" $job }}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
- what: the name '{{ $name }}' cannot name a {{ ternary "RayJob" "RayCluster" $job }}
  why: it must start with a letter and hold only lower-case letters, digits and '-'
  fix: set {{ ternary "run.id" "fullnameOverride" $job }}
{{- end -}}
{{- $sources := list -}}
{{- if $values.study -}}{{- $sources = append $sources "study" -}}{{- end -}}
{{- if $values.studyConfigMap.name -}}{{- $sources = append $sources "studyConfigMap.name" -}}{{- end -}}
{{- if $values.demo -}}{{- $sources = append $sources "demo" -}}{{- end -}}
{{- $verb := first $values.command -}}
{{- if and $job (has $verb (list "run" "compare" "train")) (not $sources) }}
- what: no study is given
  why: mode 'job' runs one study
  fix: "add --set-file study=study.yaml, or --set demo=true for the image's own"
{{- end -}}
{{- if gt (len $sources) 1 }}
- what: the study is given {{ len $sources }} times, by {{ join " and " $sources }}
  why: only one of them can be meant
  fix: keep one
{{- end -}}
{{- if $values.study -}}
{{- $study := fromYaml $values.study -}}
{{- if hasKey $study "Error" }}
- what: the study is not a YAML mapping
  why: {{ get $study "Error" | toString | quote }}
  fix: "check the file that --set-file names: perch run study.yaml --trials 1 reads it on your machine"
{{- else -}}
{{- include "perch.studyProblems" (dict "value" $study "node" (.Files.Get "files/study.json" | fromJson) "path" "" "where" "the study") -}}
{{- end -}}
{{- end -}}
{{- include "perch.setProblems" . -}}
{{- $budget := get (fromYaml (default "{}" $values.study)) "budget" -}}
{{- $time := ternary (get (ternary $budget dict (kindIs "map" $budget)) "time") (get $values.set "budget.time") (not (hasKey $values.set "budget.time")) -}}
{{- if and (kindIs "string" $time) $time (not (regexMatch "^(\\s*[0-9]+(\\.[0-9]+)?\\s*[smhd]\\s*)+$|^[0-9]+(\\.[0-9]+)?$" $time)) }}
- what: "the time budget {{ $time }} cannot be read"
  why: a duration is written 90s, 10m, 8h, 1h30m or 2d
  fix: correct budget.time
{{- end -}}
{{- if and (not $job) $sources }}
- what: mode 'cluster' was given a study, by {{ join " and " $sources }}
  why: a standing cluster runs nothing by itself
  fix: "use mode=job, or send it later: perch k8s submit study.yaml --cluster {{ $name }}"
{{- end -}}
{{- if and (not $job) $values.kueue.queueName }}
- what: kueue.queueName is set in mode 'cluster'
  why: a standing cluster would hold its share of the queue for ever
  fix: use mode=job, where Kueue admits each run
{{- end -}}
{{- if and (not $job) (include "perch.suspendable" .) (not $values.kueue.queueName) }}
- what: suspend or suspendable is set in mode 'cluster'
  why: only a RayJob can be suspended by this chart
  fix: remove it, or use mode=job
{{- end -}}
{{- if and (include "perch.suspendable" .) (not (kindIs "invalid" $values.finish.keepHeadSeconds)) }}
- what: finish.keepHeadSeconds is set for a job that can be suspended{{ with $values.kueue.queueName }} (by the queue '{{ . }}'){{ end }}
  why: the operator's deletion rules exclude shutdownAfterJobFinishes, which suspending needs
  fix: "remove finish.keepHeadSeconds; for TensorBoard after the end set tensorboard.kind=deployment"
{{- end -}}
{{- if and $values.kueue.queueName $values.autoscaling.enabled }}
- what: Kueue and autoscaling are both on
  why: Kueue admits a fixed number of pods and refuses RayJobs that scale by themselves
  fix: set autoscaling.enabled=false, or leave kueue.queueName empty
{{- end -}}
{{- if and $values.kueue.queueName (gt (len $values.workerGroups) 7) }}
- what: there are {{ len $values.workerGroups }} worker groups
  why: Kueue takes at most eight pod sets, of which the head is one
  fix: merge worker groups, or leave kueue.queueName empty
{{- end -}}
{{- if and (eq $values.storage.type "emptyDir") (gt (int64 $pods) 0) }}
- what: storage.type is emptyDir, with {{ $pods }} workers
  why: an emptyDir belongs to one pod, and every worker must see the results
  fix: "use storage.type=pvc, or workerGroups=[] with head.runsTrials=true"
{{- end -}}
{{- if and (eq $values.storage.type "emptyDir") (eq $values.tensorboard.kind "deployment") $values.tensorboard.enabled }}
- what: TensorBoard is a Deployment, and storage.type is emptyDir
  why: another pod cannot see an emptyDir
  fix: use storage.type=pvc, or tensorboard.kind=sidecar
{{- end -}}
{{- if and (eq $values.storage.type "emptyDir") $values.storage.existingClaim }}
- what: storage.existingClaim is set, and storage.type is emptyDir
  why: only one of them can hold the results
  fix: use storage.type=pvc
{{- end -}}
{{- if and (eq $values.storage.type "pvc") (eq $values.storage.accessMode "ReadWriteOnce") (not $values.storage.singleNode) (gt (int64 $pods) 0) }}
- what: the results claim is ReadWriteOnce, with {{ $pods }} workers that may lie on several nodes
  why: such a claim is mounted on one node only; the other pods would wait for ever
  fix: "set storage.singleNode=true, or a class that offers ReadWriteMany: storage.storageClassName=… storage.accessMode=ReadWriteMany"
{{- end -}}
{{- if and (not $values.workerGroups) (not $values.head.runsTrials) (not $values.autoscaling.enabled) }}
- what: there are no workers, and the head runs no trials
  why: nothing would ever compute
  fix: add a worker group, or set head.runsTrials=true
{{- end -}}
{{- if and $values.data.existingClaim $values.data.configMap }}
- what: data.existingClaim and data.configMap are both set
  why: they would be mounted at the same place
  fix: keep one
{{- end -}}
{{- if and $values.trainable.existingClaim $values.trainable.configMap }}
- what: trainable.existingClaim and trainable.configMap are both set
  why: they would be mounted at the same place
  fix: keep one
{{- end -}}
{{- if and $values.auth.existingSecret (not $values.auth.enabled) }}
- what: auth.existingSecret is set, and auth.enabled is false
  why: the token would not be asked for
  fix: set auth.enabled=true, or remove auth.existingSecret
{{- end -}}
{{- if and $values.auth.enabled (semverCompare "<2.52.0" (toString $values.rayVersion)) }}
- what: token authentication with Ray {{ $values.rayVersion }}
  why: Ray knows tokens from 2.52.0 on
  fix: use an image with a newer Ray and set rayVersion, or auth.enabled=false
{{- end -}}
{{- $limit := dig "resources" "limits" "memory" "" $values.head -}}
{{- if and $limit (ge (include "perch.bytes" $values.head.sharedMemory | int64) (include "perch.bytes" $limit | int64)) }}
- what: the head has as much shared memory as memory ({{ $values.head.sharedMemory }} of {{ $limit }})
  why: shared memory counts as the container's memory
  fix: lower head.sharedMemory or raise head.resources.limits.memory
{{- end -}}
{{- if and $values.deadline.seconds (include "perch.studyTime" .) (lt (int64 $values.deadline.seconds) (include "perch.studyTime" . | int64)) }}
- what: deadline.seconds ({{ int64 $values.deadline.seconds }}) is shorter than the study's time budget ({{ include "perch.studyTime" . }} s)
  why: the operator would end the study before its budget is spent
  fix: remove deadline.seconds, or make it longer than the budget
{{- end -}}
{{- if and $values.tls.enabled (not $values.tls.caSecret) (not $values.tls.certManager) }}
- what: tls.enabled is true, and no CA is named
  why: every pod's certificate must be signed by one that all pods know
  fix: "set tls.caSecret to a secret with tls.crt and tls.key of a CA, or tls.certManager=true"
{{- end -}}
{{- if and $values.tls.caSecret $values.tls.certManager }}
- what: tls.caSecret and tls.certManager are both set
  why: only one of them can be the CA
  fix: keep one
{{- end -}}
{{- with $values.ephemeralStorage.limit -}}
{{- if lt (include "perch.bytes" . | int64) (include "perch.bytes" $values.tmpSize | int64) }}
- what: ephemeralStorage.limit ({{ . }}) is less than tmpSize ({{ $values.tmpSize }})
  why: a pod's /tmp counts as its ephemeral storage, so that it would be evicted before /tmp is full
  fix: raise ephemeralStorage.limit, or lower tmpSize
{{- end -}}
{{- end -}}
{{- $named := list -}}
{{- range concat $values.extraArgs $values.command -}}
{{- if regexMatch "^--(run-id|out)(=|$)" . -}}{{- $named = append $named "the chart sets --run-id and --out, so that every resubmission finds the run again" -}}{{- end -}}
{{- if and (eq $verb "run") (regexMatch "^(--(trials|time-budget)(=|$)|(--set=)?budget[.=])" .) -}}{{- $named = append $named "the deadline follows the budget, and must know it" -}}{{- end -}}
{{- end -}}
{{- if and (has $verb (list "run" "compare" "train")) $named }}
- what: the arguments hold what the chart writes itself, in extraArgs or command
  why: "{{ join "; " (uniq $named) }}"
  fix: "use run.id, storage.mountPath, trials, timeBudget, or set: {budget.time: 8h}"
{{- end -}}
{{- end -}}

{{- define "perch.validate" -}}
{{- $problems := include "perch.problems" . | fromYamlArray -}}
{{- if $problems -}}
{{- $text := list -}}
{{- range $problems -}}
{{- if kindIs "map" . -}}
{{- $text = append $text (printf "\n%s\nwhy: %s\nfix: %s" .what .why .fix) -}}
{{- else -}}
{{- $text = append $text (toString .) -}}
{{- end -}}
{{- end -}}
{{- fail (printf "\n%s\n" (join "\n" $text)) -}}
{{- end -}}
{{- end -}}
