//! The root of topics with a place for the device: `deepspine/+`, or thin-edge.io's
//! `te/device/+/service/deepspine`.

use std::fmt;

/// Longest id of a device, bytes.
const DEVICE_BYTES_MAX: usize = 64;

/// A pattern of topic levels, one of which is the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    before: String,
    after: String,
}

impl Root {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where not exactly one level is `+`, or another wildcard is in it.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let wrong = || format!("a root has one level + for the device, as deepspine/+, not {pattern:?}");
        let levels: Vec<&str> = pattern.split('/').collect();
        let place = levels.iter().position(|level| *level == "+").ok_or_else(wrong)?;
        let (before, after) = levels.split_at(place);
        let after = after.get(1..).unwrap_or_default();
        let is_plain = |level: &&str| !level.is_empty() && !level.contains(['+', '#', '$']);
        if !before.iter().chain(after).all(is_plain) {
            return Err(wrong());
        }
        let before = before.iter().map(|level| format!("{level}/")).collect();
        let after = after.iter().map(|level| format!("/{level}")).collect();
        Ok(Self { before, after })
    }

    /// The filter for `suffix`, such as `e/#`, of every device.
    #[must_use]
    pub fn filter(&self, suffix: &str) -> String {
        format!("{}+{}/{suffix}", self.before, self.after)
    }

    /// The topic of `device` for `suffix`.
    #[must_use]
    pub fn topic(&self, device: &str, suffix: &str) -> String {
        format!("{}{device}{}/{suffix}", self.before, self.after)
    }

    /// The device and the suffix of `topic`; `None` where it is no appliance's.
    #[must_use]
    pub fn split<'a>(&self, topic: &'a str) -> Option<(&'a str, &'a str)> {
        let (device, rest) = topic.strip_prefix(self.before.as_str())?.split_once('/')?;
        let suffix = match self.after.strip_prefix('/') {
            Some(after) => rest.strip_prefix(after)?.strip_prefix('/')?,
            None => rest,
        };
        (Self::is_device(device) && !suffix.is_empty()).then_some((device, suffix))
    }

    /// Whether `name` may be a device's id.
    #[must_use]
    pub fn is_device(name: &str) -> bool {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        !name.is_empty() && name.len() <= DEVICE_BYTES_MAX && name.bytes().all(word)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.before, self.after)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_wherever_the_root_has_it() {
        let plain = Root::parse("deepspine/+").unwrap();
        assert_eq!(plain.split("deepspine/mr1/status/health"), Some(("mr1", "status/health")));
        assert_eq!(plain.filter("e/#"), "deepspine/+/e/#");
        let edge = Root::parse("te/device/+/service/deepspine").unwrap();
        assert_eq!(edge.split("te/device/mr1/service/deepspine/m/queue"), Some(("mr1", "m/queue")));
        assert_eq!(edge.topic("mr1", "cmd/health/1"), "te/device/mr1/service/deepspine/cmd/health/1");
        assert_eq!(edge.to_string(), "te/device/+/service/deepspine");
    }

    #[test]
    fn what_is_no_appliances_topic_is_nobodys() {
        let plain = Root::parse("deepspine/+").unwrap();
        for topic in ["deepspine", "deepspine/mr1", "deepspine/mr1/", "other/mr1/e/report", "deepspine/a b/e/report"] {
            assert_eq!(plain.split(topic), None, "{topic}");
        }
        assert_eq!(plain.split(&format!("deepspine/{}/e/report", "x".repeat(65))), None);
        let edge = Root::parse("te/device/+/service/deepspine").unwrap();
        assert_eq!(edge.split("te/device/mr1/service/other/m/queue"), None);
        for pattern in ["", "deepspine", "+/+", "a/#", "$share/x/+", "a//+"] {
            assert!(Root::parse(pattern).is_err(), "{pattern}");
        }
    }
}
