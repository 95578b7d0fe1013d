import { madeByMakers } from '../image-makers.ts';

/**
 * What the templates have in common. Nodes that report no image of sandboxes are served by the
 * first image: the agent chooses again once it runs.
 */
export const helpers = `{{- define "berth-agent.image" -}}
{{- .Values.agentImage | default (printf "%s/berth/agent:%s" .Values.server .Chart.AppVersion) -}}
{{- end -}}

{{- define "berth-node.files" -}}
{{- required "nodeFiles: take the values that berth cluster connect NAME --form helm gives" .Values.nodeFiles | toJson -}}
{{- end -}}

{{- define "berth-agent.nodeImages" -}}
{{- if .Values.nodeImage -}}
{{- dict "images" (list (dict "image" .Values.nodeImage "shell" "image")) | toJson -}}
{{- else if .Values.nodeImages -}}
{{- dict "images" .Values.nodeImages | toJson -}}
{{- else -}}
{{- $image := "" -}}
{{- range $node := (lookup "v1" "Node" "" "").items -}}
{{- if not (regexMatch "(?i)talos|bottlerocket" $node.status.nodeInfo.osImage) -}}
{{- range $one := $node.status.images -}}
{{- range $name := $one.names -}}
{{- if and (not $image) (not (contains "@" $name)) (regexMatch "(^|/)(mirrored-)?pause(-[a-z0-9]+)?:" $name) (regexMatch "${madeByMakers}" $name) -}}
{{- $image = $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found := required "nodeImage: no image was found on the nodes; name one with a shell that they have or can pull" $image -}}
{{- dict "images" (list (dict "image" $found "shell" "host")) | toJson -}}
{{- end -}}
{{- end -}}

{{- define "berth-agent.daemonSetName" -}}
{{- if eq (int .) 0 -}}
berth-node
{{- else -}}
{{- printf "berth-node-%d" (add1 (int .)) -}}
{{- end -}}
{{- end -}}

{{- define "berth-agent.placement" -}}
{{- $linux := dict "key" "kubernetes.io/os" "operator" "In" "values" (list "linux") -}}
{{- if .hosts -}}
{{- list $linux (dict "key" "kubernetes.io/hostname" "operator" "In" "values" .hosts) | toJson -}}
{{- else -}}
{{- $others := list -}}
{{- range .images -}}
{{- $others = concat $others (.hosts | default list) -}}
{{- end -}}
{{- if $others -}}
{{- list $linux (dict "key" "kubernetes.io/hostname" "operator" "NotIn" "values" $others) | toJson -}}
{{- else -}}
{{- list $linux | toJson -}}
{{- end -}}
{{- end -}}
{{- end -}}
`;
