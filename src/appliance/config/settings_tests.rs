//! What a configuration means, and what is complained of.

use super::*;

fn validated(overrides: &[&str]) -> Result<Settings, Vec<String>> {
    let (mut merged, mut errors) = (Merged::default(), Vec::new());
    for text in overrides {
        merged.add_override(text, &mut errors);
    }
    let settings = validate(&merged, &mut errors);
    if errors.is_empty() { Ok(settings) } else { Err(errors.iter().map(ToString::to_string).collect()) }
}

#[test]
fn an_empty_configuration_is_a_working_appliance() {
    let settings = validated(&[]);
    assert!(settings.as_ref().is_ok_and(|s| s.mqtt.broker.is_none()));
    assert!(settings.is_ok_and(|s| s.mqtt.root == format!("deepspine/{}", s.device_id)));
}

#[test]
fn the_device_takes_its_place_in_a_root_of_another_system() {
    let settings = validated(&["device.id=mr1", "mqtt.root=te/device/{device}/service/deepspine"]);
    assert!(settings.is_ok_and(|s| s.mqtt.root == "te/device/mr1/service/deepspine"));
}

#[test]
fn tls_needs_its_authority() {
    let errors = validated(&["mqtt.broker=mqtts://broker.example"]);
    assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains("mqtt.ca-file"))));
}

#[test]
fn what_we_write_must_not_lie_in_the_export_folder() {
    let errors = validated(&["ingest.folder=/in", "storage.out-dir=/in/out"]);
    assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains("never written"))));
}

#[test]
fn a_sentinel_is_a_name_and_no_path() {
    assert!(validated(&["ingest.sentinel=export.done"]).is_ok_and(|s| s.ingest.sentinel.is_some()));
    for wrong in ["ingest.sentinel=../done", "ingest.sentinel=..", "ingest.sentinel="] {
        assert!(validated(&[wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn an_archive_needs_its_title_and_gets_every_object_unless_told_otherwise() {
    let settings = validated(&["pacs.address=pacs.example", "pacs.ae-title=ARCHIVE"]);
    let pacs = settings.ok().and_then(|s| s.pacs);
    assert!(pacs.is_some_and(|p| p.port == 104 && p.calling_ae_title == "DEEPSPINE" && p.objects.len() == 3));
    for (wrong, named) in [
        (vec!["pacs.address=pacs.example"], "pacs.ae-title"),
        (vec!["pacs.ae-title=ARCHIVE"], "pacs.address"),
        (vec!["pacs.address=a:b:c", "pacs.ae-title=ARCHIVE"], "HOST:PORT"),
        (vec!["pacs.address=a", "pacs.ae-title=SEVENTEEN-LETTERS"], "1 to 16"),
        (vec!["pacs.address=a", "pacs.ae-title=A", "pacs.objects=[\"seg\"]"], "segmentation"),
        (vec!["pacs.address=a", "pacs.ae-title=A", "pacs.objects=[]"], "nothing to send"),
    ] {
        let errors = validated(&wrong);
        assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains(named))), "{wrong:?}");
    }
}

#[test]
fn unknown_roles_are_named() {
    let errors = validated(&["ingest.required=[\"sag-t3\"]"]);
    assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains("sag-t3"))));
}
