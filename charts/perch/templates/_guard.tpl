{{/*
perch.guard (dict "root" . "name" NAME "checksum" SUM) → fails when a RayJob of that name exists with another
specification. The operator disregards such a change, so that the upgrade would seem to work and do nothing.
*/}}
{{- define "perch.guard" -}}
{{- $job := lookup "ray.io/v1" "RayJob" .root.Release.Namespace .name -}}
{{- if $job -}}
{{- $known := dig "metadata" "annotations" "perch-hpo/spec" "" $job -}}
{{- if ne $known .checksum -}}
{{- $state := dig "status" "jobDeploymentStatus" "New" $job -}}
{{- if has $state (list "Complete" "Failed" "ValidationFailed") -}}
{{- fail (printf "\n\nthe run '%s' has ended (%s), and these values differ from those it ran with\nwhy: the operator never starts an ended RayJob again, so the upgrade would change nothing\nfix: for more budget or a corrected study: helm uninstall %s (the results stay), then helm install with the same run.id, which goes on from the results; for another study: set a new run.id\n" .name $state .root.Release.Name) -}}
{{- else -}}
{{- fail (printf "\n\nthe run '%s' is %s, and these values differ from those it runs with\nwhy: the operator disregards changes of a running RayJob, so the upgrade would change nothing\nfix: stop it first (perch k8s stop %s), then helm uninstall %s and helm install with the same run.id, which goes on from the results; for another study: install another release, or set a new run.id once this one has ended\n" .name (lower $state) .name .root.Release.Name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
