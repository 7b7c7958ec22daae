{{/*
TLS between Ray's pods: each pod makes a certificate of its own, signed by a CA that lies in a secret.

  perch.tlsSecret . → the secret of the CA (tls.crt, tls.key)
  perch.tlsInit .   → the init container that makes the certificate
  perch.tlsEnv      → what tells Ray to use it
*/}}

{{- define "perch.tlsSecret" -}}
{{- default (printf "%s-ca" (include "perch.fullname" .)) .Values.tls.caSecret -}}
{{- end -}}

{{- define "perch.tlsInit" -}}
name: certificate
{{ include "perch.containerRules" . }}
command: [python, -c]
args:
  - {{ .Files.Get "files/tls.py" | toJson }}
env:
  - {name: CA, value: /etc/perch-ca}
  - {name: OUT, value: /etc/perch-tls}
  - {name: HOME, value: /tmp}
  - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
resources: {{- include "perch.withDisk" (dict "resources" (dict "requests" (dict "cpu" "50m" "memory" "64Mi") "limits" (dict "cpu" "1" "memory" "256Mi")) "root" . "small" true) | nindent 2 }}
volumeMounts:
  - {name: ca, mountPath: /etc/perch-ca, readOnly: true}
  - {name: tls, mountPath: /etc/perch-tls}
  - {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "perch.tlsEnv" -}}
- {name: RAY_USE_TLS, value: "1"}
- {name: RAY_TLS_SERVER_CERT, value: /etc/perch-tls/tls.crt}
- {name: RAY_TLS_SERVER_KEY, value: /etc/perch-tls/tls.key}
- {name: RAY_TLS_CA_CERT, value: /etc/perch-tls/ca.crt}
{{- end -}}
