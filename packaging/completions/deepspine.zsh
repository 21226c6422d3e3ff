#compdef deepspine

autoload -U is-at-least

_deepspine() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_deepspine_commands" \
"*::: :->deepspine" \
&& ret=0
    case $state in
    (deepspine)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-command-$line[1]:"
        case $line[1] in
            (analyze)
_arguments "${_arguments_options[@]}" : \
'--format=[How the report is printed]:FORMAT:((text\:"A table for a person"
json\:"The report as JSON"
jsonl\:"With --batch\: a line of JSON a study, with its report"))' \
'--out=[Also write report.json, overlay.png, the label maps, DICOM objects for a viewer and page.html into this folder]:DIR:_files' \
'(--batch)--language=[Language of page.html]:TAG:_default' \
'--models=[Folder of the model set \[default\: the first of the standard folders that holds a manifest\]]:DIR:_files' \
'--threads=[Threads over which slices are spread \[default\: the cores\]]:N:_default' \
'--device=[What the networks run on\: cpu, cuda (where this program was built with it), or auto, which is cuda where its driver is there and works]:DEVICE:_default' \
'--alpha-percent=[Error rate of the prediction sets, per cent\: how often a set may miss the true grade]:N:_default' \
'--batch=[A list of studies, a folder or zip archive a line, relative to the list'\''s own folder, instead of PATH; \`-\` is standard input]:LIST:_files' \
'--shard=[Read only the I-th of N parts of the list, counted from 0\: each study is in exactly one]:I/N:_default' \
'--jobs=[Studies read side by side, each in a process of its own, with --threads (here 1) threads \[default\: the cores\]]:N:_default' \
'--produced-at=[The moment in the reports, RFC 3339 \[default\: that of the archive'\''s first run\]]:TIME:_default' \
'--memory-mib=[Memory of one study, MiB \[default\: 512\]]:MIB:_default' \
'--time-limit-secs=[Time for one study, seconds \[default\: 300\]]:SECS:_default' \
'(--batch)--views[Also write the pictures that the levels are graded from, into the folder \`views\` of --out\: what training takes]' \
'--null[Entries of the list end with NUL, as \`find -print0\` makes them]' \
'--reports-only[Of each study only report.json]' \
'--retry-failed[Try studies again that could not be read]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::paths -- Folder, DICOM files or zip archive of one study:_files' \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`ingest.folder=/srv/in\`; may be given again]:KEY=VALUE:_default' \
'--models=[Folder of the models, instead of the standard ones]:DIR:_files' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(demo)
_arguments "${_arguments_options[@]}" : \
'--seed=[Seed of the phantom]:SEED:_default' \
'--deadline-secs=[Seconds after which it is given up]:SECONDS:_default' \
'--models=[Folder of the models, instead of the standard ones]:DIR:_files' \
'--clean[Remove the folder with the pictures afterwards]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(evaluate)
_arguments "${_arguments_options[@]}" : \
'*--truth=[Truth file of a set of studies (JSON, or a table of grades called .csv; see docs/evaluation.md); may be given several times]:FILE:_files' \
'(--models --threads)*--readings=[Judge these finished readings\: a report.json, or a folder that is searched for them; may be given several times]:PATH:_files' \
'--study-key-file=[The key of the readings'\'' study and accession keys \[default\: the public one of \`analyze\`\]]:FILE:_files' \
'(--readings --models --threads)*--predictions=[Judge this table of predicted grades (CSV; see docs/evaluation.md); may be given several times]:FILE:_files' \
'--models=[Folder of the model set \[default\: the first of the standard folders that holds a manifest\]]:DIR:_files' \
'--page=[Also write the figures of grades and measurements as a page with pictures]:FILE.html:_files' \
'--csv=[Also write a row for every grade and measurement that is known, beside what was answered]:FILE.csv:_files' \
'--card=[Also rewrite this Markdown file'\''s blocks \`<!-- evaluate\: NAME -->\` ... \`<!-- end -->\`, NAME being that of a set]:FILE:_files' \
'--threads=[Threads over which slices are spread \[default\: the cores\]]:N:_default' \
'--json[Print the figures as JSON (schemas/figures-1.schema.json)]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::studies -- The studies, or folders of them, where they lie elsewhere than beside the truth\: found by their folders'\'' names:_files' \
&& ret=0
;;
(labels)
_arguments "${_arguments_options[@]}" : \
'--input=[How reports lie in the input \[default\: by the name'\''s ending; standard input is one report\]]:INPUT:((text\:"A report is a file"
lines\:"A report is a line"
csv\:"A report is a row of a table, separated by commas"
tsv\:"A report is a row of a table, separated by tabs"
jsonl\:"A report is an object on a line"
dicom\:"A report is a DICOM object\: structured, or encapsulated text"))' \
'--encoding=[How the text is encoded]:ENCODING:((utf-8\:"UTF-8"
latin-1\:"ISO 8859-1"))' \
'--text-column=[Column or key of the text \[default\: text, report, note …\]]:NAME:_default' \
'--id-column=[Column or key of the id \[default\: id, accession, study, patient …; else file and line\]]:NAME:_default' \
'--format=[How labels are printed]:FORMAT:((text\:"The reports with their evidence marked, and their labels"
jsonl\:"A JSON object a report, on a line (schemas/labels-1.schema.json)"
csv\:"A row a label"
html\:"A page for review"))' \
'--one-grade=[Which grade a target has where the report gives a range]:ONE_GRADE:((worse\:"The worse"
milder\:"The milder"))' \
'--not-mentioned=[What the target of a level is of which the report says nothing]:NOT_MENTIONED:((leave\:"Not mentioned"
normal\:"Normal, marked as assumed"))' \
'--lexicon=[Words and rules instead of those that are built in]:FILE:_files' \
'--threads=[Threads \[default\: the cores\]]:N:_default' \
'*--against=[Hold the texts against these readings\: a report.json, or a folder that is searched for them; may be given several times]:PATH:_files' \
'--study-key-file=[The key of the readings'\'' study and accession keys \[default\: the public one of \`analyze\`\]]:FILE:_files' \
'--picture=[Also draw how far texts and readings agree]:FILE.png:_files' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::inputs -- Files and folders; `-` is standard input:_files' \
&& ret=0
;;
(models)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
":: :_deepspine__subcmd__models_commands" \
"*::: :->models" \
&& ret=0

    case $state in
    (models)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-models-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--models=[Look into this folder, instead of the standard ones]:DIR:_files' \
'--format=[How to print it]:FORMAT:(text json)' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(verify)
_arguments "${_arguments_options[@]}" : \
'--no-self-test[Leave the phantom out]' \
'-h[Print help]' \
'--help[Print help]' \
'::folder -- Its folder \[default\: the set in force\]:_files' \
&& ret=0
;;
(install)
_arguments "${_arguments_options[@]}" : \
'--into=[The folder whose set is changed]:DIR:_files' \
'--accept-terms[Accept the terms of its networks, which are printed]' \
'--without-addition[Leave out the addition in the bundle'\''s folder \`research\`]' \
'-h[Print help]' \
'--help[Print help]' \
':bundle -- Folder of the bundle:_files' \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
'--into=[The folder whose set is changed]:DIR:_files' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__models__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-models-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(verify)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(install)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(phantom)
_arguments "${_arguments_options[@]}" : \
'--out=[Folder to write into; made where it does not exist]:DIR:_files' \
'--seed=[Seed of everything that is not asked for; the same seed gives the same bytes]:SEED:_default' \
'--vertebrae=[Lumbar vertebrae\: 4, 5 or 6]:COUNT:_default' \
'--fov=[Sagittal field of view, mm]:MM:_default' \
'--matrix=[Rows and columns of the sagittal series]:PIXELS:_default' \
'--slices=[Slices of the sagittal series; many make a 3-D series of thin slices]:COUNT:_default' \
'--axial-matrix=[Rows and columns of the axial series]:PIXELS:_default' \
'--axial-slices=[Slices of each axial block; a block lies across each lumbar disc]:COUNT:_default' \
'--shift-up=[Shift of the sagittal field upwards, mm; 150 leaves the sacrum out of view]:MM:_default' \
'*--contrast=[Weighting of the T1 or T2 series in ms, such as \`t2=3600/104\`]:SERIES=TR/TE:_default' \
'*--finding=[A finding, such as \`L4-L5/central=severe\`, \`L5-S1/left-foramen=mild\` or \`L3-L4/pfirrmann=4\`]:LEVEL/SITE=GRADE:_default' \
'--scoliosis=[Cobb angle of a lateral curve, convex to the left positive, degrees]:DEG:_default' \
'*--slip=[Slip of the upper vertebra, forwards positive, mm, such as \`L4-L5=5\`]:LEVEL=MM:_default' \
'--vendor=[Style of the headers\: siemens, philips or ge]:NAME:_default' \
'--varied[Draw anatomy, findings and imaging from the seed over their whole range; what is asked for besides still holds]' \
'--transitional[Square S1 with a large S1-S2 disc]' \
'--labels[Write label maps of the sagittal T2 series for training too]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(self-test)
_arguments "${_arguments_options[@]}" : \
'--models=[Folder of the model set \[default\: the first of the standard folders that holds a manifest\]]:DIR:_files' \
'--device=[What the networks run on; a GPU'\''s answers are also held against the processor'\''s]:DEVICE:_default' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(check-config)
_arguments "${_arguments_options[@]}" : \
'*--set=[Override one key, such as \`ingest.folder=/srv/in\`; may be given again]:KEY=VALUE:_default' \
'--models=[Folder of the models, instead of the standard ones]:DIR:_files' \
'-h[Print help]' \
'--help[Print help]' \
'::file -- Configuration file, instead of /etc/deepspine/config.toml:_files' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(studies)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_deepspine__subcmd__studies_commands" \
"*::: :->studies" \
&& ret=0

    case $state in
    (studies)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-studies-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--state=[Only those in this state\: arriving, claimed, failed, done, quarantined or discarded]:STATE:_default' \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'--identity[Tell also whose it is; for root, and written to the audit log]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':key -- Its key, or the beginning of it:_default' \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':key -- Its key, or the beginning of it:_default' \
&& ret=0
;;
(discard)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':key -- Its key, or the beginning of it:_default' \
&& ret=0
;;
(send)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':key -- Its key, or the beginning of it:_default' \
&& ret=0
;;
(resolve)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':key -- A key from a message, a log line or a list:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__studies__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-studies-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(discard)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(send)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resolve)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(outbox)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_deepspine__subcmd__outbox_commands" \
"*::: :->outbox" \
&& ret=0

    case $state in
    (outbox)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-outbox-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':dir -- Folder, such as that of a USB stick:_files' \
&& ret=0
;;
(import-acks)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- Lines of an export, or JSON objects with `seq` and `msg_id`:_files' \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
'--format=[How the answer is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--config=[Configuration file, instead of /etc/deepspine/config.toml]:FILE:_files' \
'*--set=[Override one key, such as \`storage.state-dir=/var/lib/deepspine\`; may be given again]:KEY=VALUE:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__outbox__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-outbox-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import-acks)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(fleet)
_arguments "${_arguments_options[@]}" : \
'--broker=[The broker, mqtt\://host\:port or mqtts\://host\:port]:URL:_default' \
'--root=[Root of the topics, with + for the device]:PATTERN:_default' \
'--username=[User name, where the broker wants one]:NAME:_default' \
'--password-file=[File whose first line is the password]:FILE:_files' \
'--ca-file=[Certificates that may sign the broker'\''s, PEM; for mqtts\://]:FILE:_files' \
'--client-cert-file=[Our own certificate chain, PEM, for mutual TLS]:FILE:_files' \
'--client-key-file=[The key of that certificate, PEM]:FILE:_files' \
'--group=[Share events and numbers with the collectors of this group; each needs its own --client-id]:NAME:_default' \
'--client-id=[Name of this collector at the broker, the same at every start, instead of one made of the host'\''s name]:NAME:_default' \
'--store=[Database\: a file, or postgres\://…; a file in the state folder where none is named]:FILE|URL:_default' \
'--gap-grace-secs=[Seconds that a sequence number may be missing before it is a gap]:SECONDS:_default' \
'--keep-days=[Days for which events are kept]:DAYS:_default' \
'--listen=[Serve pages and metrics at this address, such as 127.0.0.1\:8080]:ADDR:PORT:_default' \
'--format=[How a look is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'--filter=[Show only appliances in whose name, state, version, models or alarms all these words stand]:WORDS:_default' \
'--metrics-per-appliance[Have series of each appliance among the metrics, of the worst 5000]' \
'--once[Look once, print, and end; nothing is collected]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_deepspine__subcmd__fleet_commands" \
"*::: :->fleet" \
&& ret=0

    case $state in
    (fleet)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-fleet-command-$line[1]:"
        case $line[1] in
            (command)
_arguments "${_arguments_options[@]}" : \
'--broker=[The broker, mqtt\://host\:port or mqtts\://host\:port]:URL:_default' \
'--root=[Root of the topics, with + for the device]:PATTERN:_default' \
'--username=[User name, where the broker wants one]:NAME:_default' \
'--password-file=[File whose first line is the password]:FILE:_files' \
'--ca-file=[Certificates that may sign the broker'\''s, PEM; for mqtts\://]:FILE:_files' \
'--client-cert-file=[Our own certificate chain, PEM, for mutual TLS]:FILE:_files' \
'--client-key-file=[The key of that certificate, PEM]:FILE:_files' \
'--answer-secs=[How long the appliance may take to begin]:SECONDS:_default' \
'--end-secs=[How long it may take to end]:SECONDS:_default' \
'--format=[How the outcome is printed]:FORMAT:((text\:"For people"
json\:"For programs"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':device -- The appliance:_default' \
':command -- health, rescan, retry or self-test:_default' \
'::study_key -- For retry\: the study'\''s key, or the beginning of it:_default' \
&& ret=0
;;
(simulate)
_arguments "${_arguments_options[@]}" : \
'--broker=[The broker, mqtt\://host\:port or mqtts\://host\:port]:URL:_default' \
'--root=[Root of the topics, with + for the device]:PATTERN:_default' \
'--username=[User name, where the broker wants one]:NAME:_default' \
'--password-file=[File whose first line is the password]:FILE:_files' \
'--ca-file=[Certificates that may sign the broker'\''s, PEM; for mqtts\://]:FILE:_files' \
'--client-cert-file=[Our own certificate chain, PEM, for mutual TLS]:FILE:_files' \
'--client-key-file=[The key of that certificate, PEM]:FILE:_files' \
'--appliances=[How many appliances]:N:_default' \
'--rate-hz=[Events of each appliance in a second]:HZ:_default' \
'--secs=[For how long]:SECONDS:_default' \
'--interval-secs=[How often each says how it is, and its numbers]:SECONDS:_default' \
'--seed=[Where chance begins]:SEED:_default' \
'*--faults=[What goes wrong, each with one appliance in fifty\: lost, late, late-will, doubled, missing, malformed, alarms, clock, backlog]:LIST:_default' \
'--clear[Take back at the end what the broker keeps of them]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__fleet__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-fleet-help-command-$line[1]:"
        case $line[1] in
            (command)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(simulate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-help-command-$line[1]:"
        case $line[1] in
            (analyze)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(demo)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(evaluate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(labels)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(models)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__help__subcmd__models_commands" \
"*::: :->models" \
&& ret=0

    case $state in
    (models)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-help-models-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(verify)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(install)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(phantom)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(self-test)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check-config)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(studies)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__help__subcmd__studies_commands" \
"*::: :->studies" \
&& ret=0

    case $state in
    (studies)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-help-studies-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(discard)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(send)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resolve)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(outbox)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__help__subcmd__outbox_commands" \
"*::: :->outbox" \
&& ret=0

    case $state in
    (outbox)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-help-outbox-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import-acks)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(fleet)
_arguments "${_arguments_options[@]}" : \
":: :_deepspine__subcmd__help__subcmd__fleet_commands" \
"*::: :->fleet" \
&& ret=0

    case $state in
    (fleet)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:deepspine-help-fleet-command-$line[1]:"
        case $line[1] in
            (command)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(simulate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_deepspine_commands] )) ||
_deepspine_commands() {
    local commands; commands=(
'analyze:Reads one study (a folder, files or a zip archive) now and prints what is found, or an archive'\''s studies from a list' \
'run:The appliance\: watches the export folder, reads every complete study, publishes the reports' \
'demo:Shows the whole chain on a phantom\: export folder, reading, report over MQTT, pictures' \
'evaluate:Holds readings against the truth of their studies and prints how right they are\: a site'\''s own validation' \
'labels:Turns the text of lumbar MRI reports into labels, level by level, with the words that say them' \
'models:Lists, verifies, installs and takes back the networks that studies are read with' \
'phantom:Writes a lumbar study of a spine made of arithmetic, with its truth in \`truth.json\`' \
'self-test:Reads a phantom with the installed models and holds the reading against the phantom'\''s truth' \
'check-config:Shows the configuration in force, what is wrong with it, and what the machine lacks' \
'status:Shows how the appliance is\: broker, queue, studies, alarms' \
'studies:Lists studies by their keys, shows one, and decides about those that could not be read' \
'outbox:Lists what waits for the broker and the archive, and carries messages by hand' \
'fleet:Shows many appliances\: how each is, what is wrong, the broken ones first' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__analyze_commands] )) ||
_deepspine__subcmd__analyze_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine analyze commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__check-config_commands] )) ||
_deepspine__subcmd__check-config_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine check-config commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__demo_commands] )) ||
_deepspine__subcmd__demo_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine demo commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__evaluate_commands] )) ||
_deepspine__subcmd__evaluate_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine evaluate commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet_commands] )) ||
_deepspine__subcmd__fleet_commands() {
    local commands; commands=(
'command:Has an appliance do something, and says what came of it' \
'simulate:Publishes what many appliances would, with faults, and says at the end what that was' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine fleet commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet__subcmd__command_commands] )) ||
_deepspine__subcmd__fleet__subcmd__command_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine fleet command commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet__subcmd__help_commands] )) ||
_deepspine__subcmd__fleet__subcmd__help_commands() {
    local commands; commands=(
'command:Has an appliance do something, and says what came of it' \
'simulate:Publishes what many appliances would, with faults, and says at the end what that was' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine fleet help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet__subcmd__help__subcmd__command_commands] )) ||
_deepspine__subcmd__fleet__subcmd__help__subcmd__command_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine fleet help command commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet__subcmd__help__subcmd__help_commands] )) ||
_deepspine__subcmd__fleet__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine fleet help help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet__subcmd__help__subcmd__simulate_commands] )) ||
_deepspine__subcmd__fleet__subcmd__help__subcmd__simulate_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine fleet help simulate commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__fleet__subcmd__simulate_commands] )) ||
_deepspine__subcmd__fleet__subcmd__simulate_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine fleet simulate commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help_commands] )) ||
_deepspine__subcmd__help_commands() {
    local commands; commands=(
'analyze:Reads one study (a folder, files or a zip archive) now and prints what is found, or an archive'\''s studies from a list' \
'run:The appliance\: watches the export folder, reads every complete study, publishes the reports' \
'demo:Shows the whole chain on a phantom\: export folder, reading, report over MQTT, pictures' \
'evaluate:Holds readings against the truth of their studies and prints how right they are\: a site'\''s own validation' \
'labels:Turns the text of lumbar MRI reports into labels, level by level, with the words that say them' \
'models:Lists, verifies, installs and takes back the networks that studies are read with' \
'phantom:Writes a lumbar study of a spine made of arithmetic, with its truth in \`truth.json\`' \
'self-test:Reads a phantom with the installed models and holds the reading against the phantom'\''s truth' \
'check-config:Shows the configuration in force, what is wrong with it, and what the machine lacks' \
'status:Shows how the appliance is\: broker, queue, studies, alarms' \
'studies:Lists studies by their keys, shows one, and decides about those that could not be read' \
'outbox:Lists what waits for the broker and the archive, and carries messages by hand' \
'fleet:Shows many appliances\: how each is, what is wrong, the broken ones first' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__analyze_commands] )) ||
_deepspine__subcmd__help__subcmd__analyze_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help analyze commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__check-config_commands] )) ||
_deepspine__subcmd__help__subcmd__check-config_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help check-config commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__demo_commands] )) ||
_deepspine__subcmd__help__subcmd__demo_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help demo commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__evaluate_commands] )) ||
_deepspine__subcmd__help__subcmd__evaluate_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help evaluate commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__fleet_commands] )) ||
_deepspine__subcmd__help__subcmd__fleet_commands() {
    local commands; commands=(
'command:Has an appliance do something, and says what came of it' \
'simulate:Publishes what many appliances would, with faults, and says at the end what that was' \
    )
    _describe -t commands 'deepspine help fleet commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__fleet__subcmd__command_commands] )) ||
_deepspine__subcmd__help__subcmd__fleet__subcmd__command_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help fleet command commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__fleet__subcmd__simulate_commands] )) ||
_deepspine__subcmd__help__subcmd__fleet__subcmd__simulate_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help fleet simulate commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__help_commands] )) ||
_deepspine__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__labels_commands] )) ||
_deepspine__subcmd__help__subcmd__labels_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help labels commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__models_commands] )) ||
_deepspine__subcmd__help__subcmd__models_commands() {
    local commands; commands=(
'list:Shows which set is in force and why, what it is made of, and the former ones' \
'verify:Checks a set or a bundle\: manifests, hashes, terms, networks, and a phantom read with them' \
'install:Installs a bundle\: copied, verified and tested, then put in force in one step; the set before is kept' \
'rollback:Puts the former set in force again' \
    )
    _describe -t commands 'deepspine help models commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__models__subcmd__install_commands] )) ||
_deepspine__subcmd__help__subcmd__models__subcmd__install_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help models install commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__models__subcmd__list_commands] )) ||
_deepspine__subcmd__help__subcmd__models__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help models list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__models__subcmd__rollback_commands] )) ||
_deepspine__subcmd__help__subcmd__models__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help models rollback commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__models__subcmd__verify_commands] )) ||
_deepspine__subcmd__help__subcmd__models__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help models verify commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__outbox_commands] )) ||
_deepspine__subcmd__help__subcmd__outbox_commands() {
    local commands; commands=(
'list:Lists the messages that wait, in the order of their commits, and the objects that wait for the archive' \
'export:Writes all that wait into a file, one JSON object a line\: \`seq\`, \`topic\`, \`payload\`; they still wait' \
'import-acks:Takes messages for delivered that arrived by another way' \
'retry:Sends again what the broker refused, and what the archive refused' \
    )
    _describe -t commands 'deepspine help outbox commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__outbox__subcmd__export_commands] )) ||
_deepspine__subcmd__help__subcmd__outbox__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help outbox export commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__outbox__subcmd__import-acks_commands] )) ||
_deepspine__subcmd__help__subcmd__outbox__subcmd__import-acks_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help outbox import-acks commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__outbox__subcmd__list_commands] )) ||
_deepspine__subcmd__help__subcmd__outbox__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help outbox list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__outbox__subcmd__retry_commands] )) ||
_deepspine__subcmd__help__subcmd__outbox__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help outbox retry commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__phantom_commands] )) ||
_deepspine__subcmd__help__subcmd__phantom_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help phantom commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__run_commands] )) ||
_deepspine__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help run commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__self-test_commands] )) ||
_deepspine__subcmd__help__subcmd__self-test_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help self-test commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__status_commands] )) ||
_deepspine__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help status commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies_commands] )) ||
_deepspine__subcmd__help__subcmd__studies_commands() {
    local commands; commands=(
'list:Lists the studies, the last changed first' \
'show:Shows one study and its reports' \
'retry:Gives a quarantined study its attempts back' \
'discard:Has a study not be read, unless new files of it come' \
'send:Sends the objects of a study'\''s last report to the archive (pacs.address), again where it has them' \
'resolve:Tells whose study, or which file, a key stands for; for root, and written to the audit log' \
    )
    _describe -t commands 'deepspine help studies commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies__subcmd__discard_commands] )) ||
_deepspine__subcmd__help__subcmd__studies__subcmd__discard_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help studies discard commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies__subcmd__list_commands] )) ||
_deepspine__subcmd__help__subcmd__studies__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help studies list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies__subcmd__resolve_commands] )) ||
_deepspine__subcmd__help__subcmd__studies__subcmd__resolve_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help studies resolve commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies__subcmd__retry_commands] )) ||
_deepspine__subcmd__help__subcmd__studies__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help studies retry commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies__subcmd__send_commands] )) ||
_deepspine__subcmd__help__subcmd__studies__subcmd__send_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help studies send commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__help__subcmd__studies__subcmd__show_commands] )) ||
_deepspine__subcmd__help__subcmd__studies__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine help studies show commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__labels_commands] )) ||
_deepspine__subcmd__labels_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine labels commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models_commands] )) ||
_deepspine__subcmd__models_commands() {
    local commands; commands=(
'list:Shows which set is in force and why, what it is made of, and the former ones' \
'verify:Checks a set or a bundle\: manifests, hashes, terms, networks, and a phantom read with them' \
'install:Installs a bundle\: copied, verified and tested, then put in force in one step; the set before is kept' \
'rollback:Puts the former set in force again' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine models commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__help_commands] )) ||
_deepspine__subcmd__models__subcmd__help_commands() {
    local commands; commands=(
'list:Shows which set is in force and why, what it is made of, and the former ones' \
'verify:Checks a set or a bundle\: manifests, hashes, terms, networks, and a phantom read with them' \
'install:Installs a bundle\: copied, verified and tested, then put in force in one step; the set before is kept' \
'rollback:Puts the former set in force again' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine models help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__help__subcmd__help_commands] )) ||
_deepspine__subcmd__models__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models help help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__help__subcmd__install_commands] )) ||
_deepspine__subcmd__models__subcmd__help__subcmd__install_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models help install commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__help__subcmd__list_commands] )) ||
_deepspine__subcmd__models__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models help list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__help__subcmd__rollback_commands] )) ||
_deepspine__subcmd__models__subcmd__help__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models help rollback commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__help__subcmd__verify_commands] )) ||
_deepspine__subcmd__models__subcmd__help__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models help verify commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__install_commands] )) ||
_deepspine__subcmd__models__subcmd__install_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models install commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__list_commands] )) ||
_deepspine__subcmd__models__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__rollback_commands] )) ||
_deepspine__subcmd__models__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models rollback commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__models__subcmd__verify_commands] )) ||
_deepspine__subcmd__models__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine models verify commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox_commands] )) ||
_deepspine__subcmd__outbox_commands() {
    local commands; commands=(
'list:Lists the messages that wait, in the order of their commits, and the objects that wait for the archive' \
'export:Writes all that wait into a file, one JSON object a line\: \`seq\`, \`topic\`, \`payload\`; they still wait' \
'import-acks:Takes messages for delivered that arrived by another way' \
'retry:Sends again what the broker refused, and what the archive refused' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine outbox commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__export_commands] )) ||
_deepspine__subcmd__outbox__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox export commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__help_commands] )) ||
_deepspine__subcmd__outbox__subcmd__help_commands() {
    local commands; commands=(
'list:Lists the messages that wait, in the order of their commits, and the objects that wait for the archive' \
'export:Writes all that wait into a file, one JSON object a line\: \`seq\`, \`topic\`, \`payload\`; they still wait' \
'import-acks:Takes messages for delivered that arrived by another way' \
'retry:Sends again what the broker refused, and what the archive refused' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine outbox help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__help__subcmd__export_commands] )) ||
_deepspine__subcmd__outbox__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox help export commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__help__subcmd__help_commands] )) ||
_deepspine__subcmd__outbox__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox help help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__help__subcmd__import-acks_commands] )) ||
_deepspine__subcmd__outbox__subcmd__help__subcmd__import-acks_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox help import-acks commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__help__subcmd__list_commands] )) ||
_deepspine__subcmd__outbox__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox help list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__help__subcmd__retry_commands] )) ||
_deepspine__subcmd__outbox__subcmd__help__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox help retry commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__import-acks_commands] )) ||
_deepspine__subcmd__outbox__subcmd__import-acks_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox import-acks commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__list_commands] )) ||
_deepspine__subcmd__outbox__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__outbox__subcmd__retry_commands] )) ||
_deepspine__subcmd__outbox__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine outbox retry commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__phantom_commands] )) ||
_deepspine__subcmd__phantom_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine phantom commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__run_commands] )) ||
_deepspine__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine run commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__self-test_commands] )) ||
_deepspine__subcmd__self-test_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine self-test commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__status_commands] )) ||
_deepspine__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine status commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies_commands] )) ||
_deepspine__subcmd__studies_commands() {
    local commands; commands=(
'list:Lists the studies, the last changed first' \
'show:Shows one study and its reports' \
'retry:Gives a quarantined study its attempts back' \
'discard:Has a study not be read, unless new files of it come' \
'send:Sends the objects of a study'\''s last report to the archive (pacs.address), again where it has them' \
'resolve:Tells whose study, or which file, a key stands for; for root, and written to the audit log' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine studies commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__discard_commands] )) ||
_deepspine__subcmd__studies__subcmd__discard_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies discard commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help_commands] )) ||
_deepspine__subcmd__studies__subcmd__help_commands() {
    local commands; commands=(
'list:Lists the studies, the last changed first' \
'show:Shows one study and its reports' \
'retry:Gives a quarantined study its attempts back' \
'discard:Has a study not be read, unless new files of it come' \
'send:Sends the objects of a study'\''s last report to the archive (pacs.address), again where it has them' \
'resolve:Tells whose study, or which file, a key stands for; for root, and written to the audit log' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'deepspine studies help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__discard_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__discard_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help discard commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__help_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help help commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__list_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__resolve_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__resolve_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help resolve commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__retry_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help retry commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__send_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__send_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help send commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__help__subcmd__show_commands] )) ||
_deepspine__subcmd__studies__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies help show commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__list_commands] )) ||
_deepspine__subcmd__studies__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies list commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__resolve_commands] )) ||
_deepspine__subcmd__studies__subcmd__resolve_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies resolve commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__retry_commands] )) ||
_deepspine__subcmd__studies__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies retry commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__send_commands] )) ||
_deepspine__subcmd__studies__subcmd__send_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies send commands' commands "$@"
}
(( $+functions[_deepspine__subcmd__studies__subcmd__show_commands] )) ||
_deepspine__subcmd__studies__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'deepspine studies show commands' commands "$@"
}

if [ "$funcstack[1]" = "_deepspine" ]; then
    _deepspine "$@"
else
    compdef _deepspine deepspine
fi
