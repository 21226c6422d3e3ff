# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_deepspine_global_optspecs
    string join \n h/help V/version
end

function __fish_deepspine_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_deepspine_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_deepspine_using_subcommand
    set -l cmd (__fish_deepspine_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c deepspine -n "__fish_deepspine_needs_command" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_needs_command" -s V -l version -d 'Print version'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "analyze" -d 'Reads one study (a folder, files or a zip archive) now and prints what is found, or an archive\'s studies from a list'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "run" -d 'The appliance: watches the export folder, reads every complete study, publishes the reports'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "demo" -d 'Shows the whole chain on a phantom: export folder, reading, report over MQTT, pictures'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "evaluate" -d 'Holds readings against the truth of their studies and prints how right they are: a site\'s own validation'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "labels" -d 'Turns the text of lumbar MRI reports into labels, level by level, with the words that say them'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "models" -d 'Lists, verifies, installs and takes back the networks that studies are read with'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "phantom" -d 'Writes a lumbar study of a spine made of arithmetic, with its truth in `truth.json`'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "self-test" -d 'Reads a phantom with the installed models and holds the reading against the phantom\'s truth'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "check-config" -d 'Shows the configuration in force, what is wrong with it, and what the machine lacks'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "status" -d 'Shows how the appliance is: broker, queue, studies, alarms'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "studies" -d 'Lists studies by their keys, shows one, and decides about those that could not be read'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "outbox" -d 'Lists what waits for the broker and the archive, and carries messages by hand'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "fleet" -d 'Shows many appliances: how each is, what is wrong, the broken ones first'
complete -c deepspine -n "__fish_deepspine_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l format -d 'How the report is printed' -r -f -a "text\t'A table for a person'
json\t'The report as JSON'
jsonl\t'With --batch: a line of JSON a study, with its report'"
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l out -d 'Also write report.json, overlay.png, the label maps, DICOM objects for a viewer and page.html into this folder' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l language -d 'Language of page.html' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l models -d 'Folder of the model set [default: the first of the standard folders that holds a manifest]' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l threads -d 'Threads over which slices are spread [default: the cores]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l device -d 'What the networks run on: cpu, cuda (where this program was built with it), or auto, which is cuda where its driver is there and works' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l alpha-percent -d 'Error rate of the prediction sets, per cent: how often a set may miss the true grade' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l batch -d 'A list of studies, a folder or zip archive a line, relative to the list\'s own folder, instead of PATH; `-` is standard input' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l shard -d 'Read only the I-th of N parts of the list, counted from 0: each study is in exactly one' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l jobs -d 'Studies read side by side, each in a process of its own, with --threads (here 1) threads [default: the cores]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l produced-at -d 'The moment in the reports, RFC 3339 [default: that of the archive\'s first run]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l memory-mib -d 'Memory of one study, MiB [default: 512]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l time-limit-secs -d 'Time for one study, seconds [default: 300]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l views -d 'Also write the pictures that the levels are graded from, into the folder `views` of --out: what training takes'
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l null -d 'Entries of the list end with NUL, as `find -print0` makes them'
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l reports-only -d 'Of each study only report.json'
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -l retry-failed -d 'Try studies again that could not be read'
complete -c deepspine -n "__fish_deepspine_using_subcommand analyze" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand run" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand run" -l set -d 'Override one key, such as `ingest.folder=/srv/in`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand run" -l models -d 'Folder of the models, instead of the standard ones' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand run" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand demo" -l seed -d 'Seed of the phantom' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand demo" -l deadline-secs -d 'Seconds after which it is given up' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand demo" -l models -d 'Folder of the models, instead of the standard ones' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand demo" -l clean -d 'Remove the folder with the pictures afterwards'
complete -c deepspine -n "__fish_deepspine_using_subcommand demo" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l truth -d 'Truth file of a set of studies (JSON, or a table of grades called .csv; see docs/evaluation.md); may be given several times' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l readings -d 'Judge these finished readings: a report.json, or a folder that is searched for them; may be given several times' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l study-key-file -d 'The key of the readings\' study and accession keys [default: the public one of `analyze`]' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l predictions -d 'Judge this table of predicted grades (CSV; see docs/evaluation.md); may be given several times' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l models -d 'Folder of the model set [default: the first of the standard folders that holds a manifest]' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l page -d 'Also write the figures of grades and measurements as a page with pictures' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l csv -d 'Also write a row for every grade and measurement that is known, beside what was answered' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l card -d 'Also rewrite this Markdown file\'s blocks `<!-- evaluate: NAME -->` ... `<!-- end -->`, NAME being that of a set' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l threads -d 'Threads over which slices are spread [default: the cores]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -l json -d 'Print the figures as JSON (schemas/figures-1.schema.json)'
complete -c deepspine -n "__fish_deepspine_using_subcommand evaluate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l input -d 'How reports lie in the input [default: by the name\'s ending; standard input is one report]' -r -f -a "text\t'A report is a file'
lines\t'A report is a line'
csv\t'A report is a row of a table, separated by commas'
tsv\t'A report is a row of a table, separated by tabs'
jsonl\t'A report is an object on a line'
dicom\t'A report is a DICOM object: structured, or encapsulated text'"
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l encoding -d 'How the text is encoded' -r -f -a "utf-8\t'UTF-8'
latin-1\t'ISO 8859-1'"
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l text-column -d 'Column or key of the text [default: text, report, note …]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l id-column -d 'Column or key of the id [default: id, accession, study, patient …; else file and line]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l format -d 'How labels are printed' -r -f -a "text\t'The reports with their evidence marked, and their labels'
jsonl\t'A JSON object a report, on a line (schemas/labels-1.schema.json)'
csv\t'A row a label'
html\t'A page for review'"
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l one-grade -d 'Which grade a target has where the report gives a range' -r -f -a "worse\t'The worse'
milder\t'The milder'"
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l not-mentioned -d 'What the target of a level is of which the report says nothing' -r -f -a "leave\t'Not mentioned'
normal\t'Normal, marked as assumed'"
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l lexicon -d 'Words and rules instead of those that are built in' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l threads -d 'Threads [default: the cores]' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l against -d 'Hold the texts against these readings: a report.json, or a folder that is searched for them; may be given several times' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l study-key-file -d 'The key of the readings\' study and accession keys [default: the public one of `analyze`]' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -l picture -d 'Also draw how far texts and readings agree' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand labels" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and not __fish_seen_subcommand_from list verify install rollback help" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and not __fish_seen_subcommand_from list verify install rollback help" -f -a "list" -d 'Shows which set is in force and why, what it is made of, and the former ones'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and not __fish_seen_subcommand_from list verify install rollback help" -f -a "verify" -d 'Checks a set or a bundle: manifests, hashes, terms, networks, and a phantom read with them'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and not __fish_seen_subcommand_from list verify install rollback help" -f -a "install" -d 'Installs a bundle: copied, verified and tested, then put in force in one step; the set before is kept'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and not __fish_seen_subcommand_from list verify install rollback help" -f -a "rollback" -d 'Puts the former set in force again'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and not __fish_seen_subcommand_from list verify install rollback help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from list" -l models -d 'Look into this folder, instead of the standard ones' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from list" -l format -d 'How to print it' -r -f -a "text\t''
json\t''"
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from verify" -l no-self-test -d 'Leave the phantom out'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from install" -l into -d 'The folder whose set is changed' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from install" -l accept-terms -d 'Accept the terms of its networks, which are printed'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from install" -l without-addition -d 'Leave out the addition in the bundle\'s folder `research`'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from rollback" -l into -d 'The folder whose set is changed' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from rollback" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "list" -d 'Shows which set is in force and why, what it is made of, and the former ones'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Checks a set or a bundle: manifests, hashes, terms, networks, and a phantom read with them'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "install" -d 'Installs a bundle: copied, verified and tested, then put in force in one step; the set before is kept'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "rollback" -d 'Puts the former set in force again'
complete -c deepspine -n "__fish_deepspine_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l out -d 'Folder to write into; made where it does not exist' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l seed -d 'Seed of everything that is not asked for; the same seed gives the same bytes' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l vertebrae -d 'Lumbar vertebrae: 4, 5 or 6' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l fov -d 'Sagittal field of view, mm' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l matrix -d 'Rows and columns of the sagittal series' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l slices -d 'Slices of the sagittal series; many make a 3-D series of thin slices' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l axial-matrix -d 'Rows and columns of the axial series' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l axial-slices -d 'Slices of each axial block; a block lies across each lumbar disc' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l shift-up -d 'Shift of the sagittal field upwards, mm; 150 leaves the sacrum out of view' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l contrast -d 'Weighting of the T1 or T2 series in ms, such as `t2=3600/104`' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l finding -d 'A finding, such as `L4-L5/central=severe`, `L5-S1/left-foramen=mild` or `L3-L4/pfirrmann=4`' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l scoliosis -d 'Cobb angle of a lateral curve, convex to the left positive, degrees' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l slip -d 'Slip of the upper vertebra, forwards positive, mm, such as `L4-L5=5`' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l vendor -d 'Style of the headers: siemens, philips or ge' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l varied -d 'Draw anatomy, findings and imaging from the seed over their whole range; what is asked for besides still holds'
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l transitional -d 'Square S1 with a large S1-S2 disc'
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -l labels -d 'Write label maps of the sagittal T2 series for training too'
complete -c deepspine -n "__fish_deepspine_using_subcommand phantom" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand self-test" -l models -d 'Folder of the model set [default: the first of the standard folders that holds a manifest]' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand self-test" -l device -d 'What the networks run on; a GPU\'s answers are also held against the processor\'s' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand self-test" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand check-config" -l set -d 'Override one key, such as `ingest.folder=/srv/in`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand check-config" -l models -d 'Folder of the models, instead of the standard ones' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c deepspine -n "__fish_deepspine_using_subcommand status" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand status" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand status" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "list" -d 'Lists the studies, the last changed first'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "show" -d 'Shows one study and its reports'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "retry" -d 'Gives a quarantined study its attempts back'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "discard" -d 'Has a study not be read, unless new files of it come'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "send" -d 'Sends the objects of a study\'s last report to the archive (pacs.address), again where it has them'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "resolve" -d 'Tells whose study, or which file, a key stands for; for root, and written to the audit log'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and not __fish_seen_subcommand_from list show retry discard send resolve help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from list" -l state -d 'Only those in this state: arriving, claimed, failed, done, quarantined or discarded' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from list" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from list" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from list" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from show" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from show" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from show" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from show" -l identity -d 'Tell also whose it is; for root, and written to the audit log'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from retry" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from retry" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from retry" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from discard" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from discard" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from discard" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from discard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from send" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from send" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from send" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from resolve" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from resolve" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from resolve" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the studies, the last changed first'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows one study and its reports'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Gives a quarantined study its attempts back'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "discard" -d 'Has a study not be read, unless new files of it come'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "send" -d 'Sends the objects of a study\'s last report to the archive (pacs.address), again where it has them'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "resolve" -d 'Tells whose study, or which file, a key stands for; for root, and written to the audit log'
complete -c deepspine -n "__fish_deepspine_using_subcommand studies; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -f -a "list" -d 'Lists the messages that wait, in the order of their commits, and the objects that wait for the archive'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -f -a "export" -d 'Writes all that wait into a file, one JSON object a line: `seq`, `topic`, `payload`; they still wait'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -f -a "import-acks" -d 'Takes messages for delivered that arrived by another way'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -f -a "retry" -d 'Sends again what the broker refused, and what the archive refused'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and not __fish_seen_subcommand_from list export import-acks retry help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from list" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from list" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from list" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from export" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from export" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from export" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from import-acks" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from import-acks" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from import-acks" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from import-acks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from retry" -l format -d 'How the answer is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from retry" -l config -d 'Configuration file, instead of /etc/deepspine/config.toml' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from retry" -l set -d 'Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the messages that wait, in the order of their commits, and the objects that wait for the archive'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes all that wait into a file, one JSON object a line: `seq`, `topic`, `payload`; they still wait'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from help" -f -a "import-acks" -d 'Takes messages for delivered that arrived by another way'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Sends again what the broker refused, and what the archive refused'
complete -c deepspine -n "__fish_deepspine_using_subcommand outbox; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l broker -d 'The broker, mqtt://host:port or mqtts://host:port' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l root -d 'Root of the topics, with + for the device' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l username -d 'User name, where the broker wants one' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l password-file -d 'File whose first line is the password' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l ca-file -d 'Certificates that may sign the broker\'s, PEM; for mqtts://' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l client-cert-file -d 'Our own certificate chain, PEM, for mutual TLS' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l client-key-file -d 'The key of that certificate, PEM' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l group -d 'Share events and numbers with the collectors of this group; each needs its own --client-id' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l client-id -d 'Name of this collector at the broker, the same at every start, instead of one made of the host\'s name' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l store -d 'Database: a file, or postgres://…; a file in the state folder where none is named' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l gap-grace-secs -d 'Seconds that a sequence number may be missing before it is a gap' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l keep-days -d 'Days for which events are kept' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l listen -d 'Serve pages and metrics at this address, such as 127.0.0.1:8080' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l format -d 'How a look is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l filter -d 'Show only appliances in whose name, state, version, models or alarms all these words stand' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l metrics-per-appliance -d 'Have series of each appliance among the metrics, of the worst 5000'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -l once -d 'Look once, print, and end; nothing is collected'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -f -a "command" -d 'Has an appliance do something, and says what came of it'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -f -a "simulate" -d 'Publishes what many appliances would, with faults, and says at the end what that was'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and not __fish_seen_subcommand_from command simulate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l broker -d 'The broker, mqtt://host:port or mqtts://host:port' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l root -d 'Root of the topics, with + for the device' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l username -d 'User name, where the broker wants one' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l password-file -d 'File whose first line is the password' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l ca-file -d 'Certificates that may sign the broker\'s, PEM; for mqtts://' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l client-cert-file -d 'Our own certificate chain, PEM, for mutual TLS' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l client-key-file -d 'The key of that certificate, PEM' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l answer-secs -d 'How long the appliance may take to begin' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l end-secs -d 'How long it may take to end' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -l format -d 'How the outcome is printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l broker -d 'The broker, mqtt://host:port or mqtts://host:port' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l root -d 'Root of the topics, with + for the device' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l username -d 'User name, where the broker wants one' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l password-file -d 'File whose first line is the password' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l ca-file -d 'Certificates that may sign the broker\'s, PEM; for mqtts://' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l client-cert-file -d 'Our own certificate chain, PEM, for mutual TLS' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l client-key-file -d 'The key of that certificate, PEM' -r -F
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l appliances -d 'How many appliances' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l rate-hz -d 'Events of each appliance in a second' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l secs -d 'For how long' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l interval-secs -d 'How often each says how it is, and its numbers' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l seed -d 'Where chance begins' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l faults -d 'What goes wrong, each with one appliance in fifty: lost, late, late-will, doubled, missing, malformed, alarms, clock, backlog' -r
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -l clear -d 'Take back at the end what the broker keeps of them'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from help" -f -a "command" -d 'Has an appliance do something, and says what came of it'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from help" -f -a "simulate" -d 'Publishes what many appliances would, with faults, and says at the end what that was'
complete -c deepspine -n "__fish_deepspine_using_subcommand fleet; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "analyze" -d 'Reads one study (a folder, files or a zip archive) now and prints what is found, or an archive\'s studies from a list'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "run" -d 'The appliance: watches the export folder, reads every complete study, publishes the reports'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "demo" -d 'Shows the whole chain on a phantom: export folder, reading, report over MQTT, pictures'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "evaluate" -d 'Holds readings against the truth of their studies and prints how right they are: a site\'s own validation'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "labels" -d 'Turns the text of lumbar MRI reports into labels, level by level, with the words that say them'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "models" -d 'Lists, verifies, installs and takes back the networks that studies are read with'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "phantom" -d 'Writes a lumbar study of a spine made of arithmetic, with its truth in `truth.json`'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "self-test" -d 'Reads a phantom with the installed models and holds the reading against the phantom\'s truth'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "check-config" -d 'Shows the configuration in force, what is wrong with it, and what the machine lacks'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "status" -d 'Shows how the appliance is: broker, queue, studies, alarms'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "studies" -d 'Lists studies by their keys, shows one, and decides about those that could not be read'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "outbox" -d 'Lists what waits for the broker and the archive, and carries messages by hand'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "fleet" -d 'Shows many appliances: how each is, what is wrong, the broken ones first'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and not __fish_seen_subcommand_from analyze run demo evaluate labels models phantom self-test check-config status studies outbox fleet help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "list" -d 'Shows which set is in force and why, what it is made of, and the former ones'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "verify" -d 'Checks a set or a bundle: manifests, hashes, terms, networks, and a phantom read with them'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "install" -d 'Installs a bundle: copied, verified and tested, then put in force in one step; the set before is kept'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "rollback" -d 'Puts the former set in force again'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from studies" -f -a "list" -d 'Lists the studies, the last changed first'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from studies" -f -a "show" -d 'Shows one study and its reports'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from studies" -f -a "retry" -d 'Gives a quarantined study its attempts back'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from studies" -f -a "discard" -d 'Has a study not be read, unless new files of it come'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from studies" -f -a "send" -d 'Sends the objects of a study\'s last report to the archive (pacs.address), again where it has them'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from studies" -f -a "resolve" -d 'Tells whose study, or which file, a key stands for; for root, and written to the audit log'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from outbox" -f -a "list" -d 'Lists the messages that wait, in the order of their commits, and the objects that wait for the archive'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from outbox" -f -a "export" -d 'Writes all that wait into a file, one JSON object a line: `seq`, `topic`, `payload`; they still wait'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from outbox" -f -a "import-acks" -d 'Takes messages for delivered that arrived by another way'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from outbox" -f -a "retry" -d 'Sends again what the broker refused, and what the archive refused'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from fleet" -f -a "command" -d 'Has an appliance do something, and says what came of it'
complete -c deepspine -n "__fish_deepspine_using_subcommand help; and __fish_seen_subcommand_from fleet" -f -a "simulate" -d 'Publishes what many appliances would, with faults, and says at the end what that was'
