{{- define "berth.name" -}}
{{- if contains "berth" .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-berth" .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "berth.selector" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end -}}

{{- define "berth.image" -}}
{{- $repository := required "image.repository: where nodes can pull Berth's own image, HOST/berth/berth" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "berth.claim" -}}
{{- .Values.persistence.existingClaim | default (include "berth.name" .) -}}
{{- end -}}

{{- /* The Service's address comes from the variable that Kubernetes sets for it in each pod. */ -}}
{{- define "berth.names" -}}
{{- $name := include "berth.name" . -}}
{{- $variable := printf "%s_SERVICE_HOST" ($name | upper | replace "-" "_") -}}
{{- $names := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) -}}
{{- $names = append $names (printf "%s.%s.svc.%s" $name .Release.Namespace .Values.clusterDomain) -}}
{{- $names = append $names (printf "$(%s)" $variable) -}}
{{- join "," (concat $names .Values.service.nodeAddresses .Values.names | uniq) -}}
{{- end -}}
