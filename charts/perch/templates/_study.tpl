{{/*
What Helm can see of a study: its keys, the kinds of its values, and names out of a list (files/study.json, from Perch's own model).

  perch.studyProblems (dict "value" VALUE "node" NODE "path" "budget.time" "where" "the study") → problems as YAML, none: empty
  perch.setProblems .                                                                           → the same for `set`
*/}}

{{- define "perch.studyProblems" -}}
{{- $path := .path -}}
{{- $where := .where -}}
{{- $kind := ternary "map" (ternary "list" "scalar" (kindIs "slice" .value)) (kindIs "map" .value) -}}
{{- if and (not (kindIs "invalid" .value)) (not (has $kind .node.kinds)) }}
- what: "{{ $where }}: {{ $path }} is a {{ $kind }}"
  why: "it must be a {{ join " or a " .node.kinds }}"
  fix: "perch run study.yaml --trials 1 reads the study on your machine, and names the rest"
{{- else if and (eq $kind "map") (hasKey .node "keys") }}
{{- $keys := .node.keys -}}
{{- range $name, $value := .value -}}
{{- $inner := trimPrefix "." (printf "%s.%s" $path $name) -}}
{{- if not (hasKey $keys $name) }}
- what: "{{ $where }} has no setting '{{ $inner }}'"
  why: "known: {{ keys $keys | sortAlpha | join ", " }}"
  fix: correct its name, or remove it
{{- else -}}
{{- include "perch.studyProblems" (dict "value" $value "node" (get $keys $name) "path" $inner "where" $where) -}}
{{- end -}}
{{- end -}}
{{- else if and (eq $kind "scalar") (hasKey .node "enum") (kindIs "string" .value) (not (has .value .node.enum)) }}
- what: "{{ $where }}: {{ $path }} is '{{ .value }}'"
  why: "it must be one of {{ join ", " .node.enum }}"
  fix: name one of them
{{- end -}}
{{- end -}}

{{- define "perch.setProblems" -}}
{{- $study := .Files.Get "files/study.json" | fromJson -}}
{{- range $path, $value := .Values.set -}}
{{- $node := $study -}}
{{- $walked := "" -}}
{{- $wrong := false -}}
{{- range $part := splitList "." $path -}}
{{- if and $node (not $wrong) -}}
{{- if hasKey $node "keys" -}}
{{- if not (hasKey $node.keys $part) }}
- what: "set: the study has no setting '{{ $path }}'"
  why: "known{{ with $walked }} in {{ . }}{{ end }}: {{ keys $node.keys | sortAlpha | join ", " }}"
  fix: correct its name, or remove it
{{- $wrong = true -}}
{{- else -}}
{{- $walked = trimPrefix "." (printf "%s.%s" $walked $part) -}}
{{- $node = get $node.keys $part -}}
{{- end -}}
{{- else -}}
{{- $node = dict -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $node (not $wrong) (not (kindIs "string" $value)) -}}
{{- include "perch.studyProblems" (dict "value" $value "node" $node "path" $path "where" "set") -}}
{{- end -}}
{{- end -}}
{{- end -}}
