//! Every message that an appliance emits is described: in `api/asyncapi.yaml` and the schemas that it names.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use bench::service::Service;
use bench::site::Site;
use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::{Received, Subscriber};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{Client, MqttOptions};
use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

const DEVICE: &str = "api";
const DEADLINE: Duration = Duration::from_secs(120);

/// A channel of the description: its address with the device in place, and its messages' schemas.
struct Channel {
    name: String,
    levels: Vec<String>,
    schemas: Vec<jsonschema::Validator>,
}

impl Channel {
    fn takes(&self, topic: &str) -> bool {
        let levels: Vec<&str> = topic.split('/').collect();
        let fits = |(known, level): (&String, &&str)| known.starts_with('{') || known == level;
        levels.len() == self.levels.len() && self.levels.iter().zip(&levels).all(fits)
    }

    /// An empty payload ends an alarm or a command; anything else follows one of the schemas.
    fn describes(&self, payload: &[u8]) -> Result<(), String> {
        if payload.is_empty() && ["alarm", "command"].contains(&self.name.as_str()) {
            return Ok(());
        }
        let value: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let complaints = |schema: &jsonschema::Validator| {
            schema.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect::<Vec<_>>()
        };
        let all: Vec<Vec<String>> = self.schemas.iter().map(complaints).collect();
        if all.iter().any(Vec::is_empty) { Ok(()) } else { Err(format!("{all:?}\n{value}")) }
    }
}

fn channels() -> Vec<Channel> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("api/asyncapi.yaml")).expect("the description is there");
    let document = YamlLoader::load_from_str(&text).expect("it is YAML").remove(0);
    assert_eq!(document["asyncapi"].as_str(), Some("3.0.0"));
    let messages = &document["components"]["messages"];
    let schema = |reference: &Yaml| {
        let name =
            reference["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/messages/")).expect("a message");
        let file = messages[name]["payload"]["$ref"].as_str().expect("a schema").trim_start_matches("../");
        let text = std::fs::read_to_string(root.join(file)).expect("the schema is there");
        jsonschema::validator_for(&serde_json::from_str(&text).expect("it is JSON")).expect("it is a schema")
    };
    let hash = document["channels"].as_hash().expect("channels");
    hash.iter()
        .map(|(name, channel)| Channel {
            name: name.as_str().expect("a name").to_owned(),
            levels: channel["address"]
                .as_str()
                .expect("an address")
                .replace("{device}", DEVICE)
                .split('/')
                .map(str::to_owned)
                .collect(),
            schemas: channel["messages"].as_hash().expect("messages").values().map(schema).collect(),
        })
        .collect()
}

/// Commands, by somebody who may publish.
struct Operator {
    client: Client,
}

impl Operator {
    fn connect(port: u16) -> Self {
        let mut options = MqttOptions::new("operator", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, mut connection) = Client::new(options, 16);
        std::thread::spawn(move || while let Ok(Ok(_)) = connection.recv() {});
        Self { client }
    }

    fn command(&self, kind: &str, id: &str, content: &Value) {
        let topic = format!("deepspine/{DEVICE}/cmd/{kind}/{id}");
        self.client.publish(topic, QoS::AtLeastOnce, true, content.to_string()).expect("the broker is there");
    }
}

/// Everything received so far.
struct Heard {
    subscriber: Subscriber,
    all: Vec<Received>,
}

impl Heard {
    /// Listens until a message on `suffix` fits.
    fn until(&mut self, suffix: &str, fits: impl Fn(&[u8]) -> bool) {
        let topic = format!("deepspine/{DEVICE}/{suffix}");
        let begun = Instant::now();
        while !self.all.iter().any(|m| m.topic == topic && fits(&m.payload)) {
            assert!(begun.elapsed() < DEADLINE, "nothing on {topic} fits, of {:?}", self.topics());
            self.all.extend(self.subscriber.next(Duration::from_millis(200)).expect("the broker is there"));
        }
    }

    fn topics(&self) -> BTreeMap<&str, usize> {
        self.all.iter().fold(BTreeMap::new(), |mut count, message| {
            *count.entry(message.topic.as_str()).or_default() += 1;
            count
        })
    }
}

fn status_is(wanted: &'static str) -> impl Fn(&[u8]) -> bool {
    move |payload| serde_json::from_slice::<Value>(payload).is_ok_and(|value| value["status"] == wanted)
}

#[test]
fn every_message_of_a_run_follows_its_schema_and_every_channel_is_used() {
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = Subscriber::connect("127.0.0.1", broker.port(), "listener", "#", DEADLINE).expect("granted");
    let mut heard = Heard { subscriber, all: Vec::new() };
    let allowed = ("commands.allow", "[\"health\", \"rescan\", \"retry\"]");
    let mut site = Site::new(DEVICE, &broker.url(), &[allowed, ("storage.headroom-mib", "0")]);
    let service = Service::start(&site, &[]);
    heard.until("status/health", status_is("up"));
    site.study_arrives(1);
    heard.until("e/report", |_| true);
    heard.until("e/study", |payload| String::from_utf8_lossy(payload).contains("\"done\""));

    let operator = Operator::connect(broker.port());
    operator.command("health", "1", &json!({ "status": "init" }));
    operator.command("rescan", "2", &json!({ "status": "init", "by": "somebody" }));
    operator.command("retry", "3", &json!({ "status": "init", "study_key": "0" }));
    operator.command("self-test", "4", &json!({ "status": "init" }));
    operator.command("reboot", "5", &json!({ "status": "init" }));
    // What an earlier session left behind.
    let left = json!({ "schema": "deepspine.command/1", "msg_id": "0123456789abcdef0123456789abcdef",
        "session": "0123456789abcdef", "time": "2026-01-01T00:00:00Z", "clock_synced": null, "replayed": false,
        "status": "executing" });
    operator.command("health", "6", &left);
    heard.until("cmd/health/1", status_is("executing"));
    heard.until("cmd/health/1", status_is("successful"));
    heard.until("cmd/rescan/2", status_is("successful"));
    for failed in ["cmd/retry/3", "cmd/self-test/4", "cmd/reboot/5", "cmd/health/6"] {
        heard.until(failed, status_is("failed"));
    }

    let away = site.path().join("away");
    std::fs::rename(site.in_dir(), &away).expect("the test's folder can be written");
    heard.until("a/export-folder", |payload| String::from_utf8_lossy(payload).contains("major"));
    heard.until("status/health", status_is("degraded"));
    std::fs::rename(&away, site.in_dir()).expect("the test's folder can be written");
    heard.until("a/export-folder", <[u8]>::is_empty);
    heard.until("m/queue", |_| true);
    service.stop().expect("it ends in order");
    heard.until("status/health", status_is("down"));

    let channels = channels();
    for message in &heard.all {
        let Some(channel) = channels.iter().find(|channel| channel.takes(&message.topic)) else {
            panic!("{} is not described", message.topic);
        };
        if let Err(complaint) = channel.describes(&message.payload) {
            panic!("{} does not follow its schema: {complaint}", message.topic);
        }
    }
    let unused: Vec<&str> = channels
        .iter()
        .filter(|channel| !heard.all.iter().any(|message| channel.takes(&message.topic)))
        .map(|channel| channel.name.as_str())
        .collect();
    assert!(unused.is_empty(), "described, and never emitted: {unused:?}");
}

#[test]
fn alarms_and_commands_of_the_description_are_those_of_the_program() {
    use deepspine::appliance::alarms::Alarm;
    use deepspine::appliance::config::CommandKind;
    let text = include_str!("../api/asyncapi.yaml");
    let document = YamlLoader::load_from_str(text).expect("it is YAML").remove(0);
    let listed = |channel: &str, parameter: &str| -> Vec<String> {
        let values = document["channels"][channel]["parameters"][parameter]["enum"].as_vec().expect("a list");
        values.iter().map(|value| value.as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(listed("alarm", "alarm"), Alarm::ALL.map(|alarm| alarm.name().to_owned()));
    assert_eq!(listed("command", "command"), CommandKind::ALL.map(|kind| kind.name().to_owned()));
}
