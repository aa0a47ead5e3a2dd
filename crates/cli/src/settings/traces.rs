//! Where traces go and which: settings of the broker's own, and variables that others know.

use super::{
    alias::JAEGER_PORT, entry::Entry, inputs::Inputs, source::Source, values::Settings,
    wrong::Wrong,
};
use http::Uri;
use std::net::Ipv6Addr;

/// The port of OTLP over gRPC.
pub const OTLP_PORT: u16 = 4317;

/// Ports at which Jaeger took spans of its own form, which it does no more.
const FORMER_PORTS: &[u16] = &[5775, 6831, 6832, 14250, 14268];

/// What is traced.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// The URL of a collector; `None`: nothing is traced.
    pub endpoint: Option<String>,
    /// The share of traces that begin here and are recorded, from 0 to 1.
    pub ratio: f64,
    /// Whether a caller's own word on its trace counts more.
    pub follows_parent: bool,
    /// Whether messages carry their publish's context to subscribers.
    pub tells_subscribers: bool,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: None, ratio: 0.01, follows_parent: true, tells_subscribers: false }
    }
}

/// A URL of the form that is allowed.
pub fn endpoint(text: &str) -> Option<String> {
    let url: Uri = text.parse().ok()?;
    let is_ours = url.scheme_str() == Some("http") && !url.host()?.is_empty();
    is_ours.then(|| text.to_owned())
}

/// A share of all.
pub fn ratio(text: &str) -> Option<f64> {
    let ratio: f64 = text.parse().ok()?;
    (0.0..=1.0).contains(&ratio).then_some(ratio)
}

/// JAEGER_HOST as the URL of a collector.
pub fn at_host(host: &str) -> Result<String, String> {
    let url = match host.parse::<Ipv6Addr>() {
        Ok(host) => format!("http://[{host}]:{OTLP_PORT}"),
        Err(_) => format!("http://{host}:{OTLP_PORT}"),
    };
    endpoint(&url).ok_or_else(|| "write the name or the IP address of a host".into())
}

/// Decides with what is said in variables that are no settings. Answers what to warn of.
pub fn complete(
    settings: &mut Settings,
    entries: &mut [Entry],
    inputs: &Inputs,
    wrong: &mut Wrong,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for entry in entries {
        let words = Words { inputs, wrong, warnings: &mut warnings };
        match entry.setting.name {
            "otlp-endpoint" => words.on_endpoint(entry, &mut settings.traces),
            "trace-sampling" => words.on_sampling(entry, &mut settings.traces),
            _ => {}
        }
    }
    warnings
}

struct Words<'a> {
    inputs: &'a Inputs,
    wrong: &'a mut Wrong,
    warnings: &'a mut Vec<String>,
}

impl Words<'_> {
    fn on_endpoint(mut self, entry: &mut Entry, traces: &mut Traces) {
        self.on_port(entry, traces);
        let Some(endpoint) = &traces.endpoint else { return };
        let off = [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")];
        for (name, word) in off {
            let Some((value, place)) = self.inputs.word(name) else { continue };
            if !value.eq_ignore_ascii_case(word) {
                continue;
            }
            if !entry.source.is_alias() {
                let stronger = &entry.source;
                self.warnings.push(format!("{place} has no effect, since {stronger} is stronger"));
                continue;
            }
            self.warnings.push(format!("{place} is {word}: no traces are sent to {endpoint}"));
            (entry.value, entry.source) = (None, Source::Default);
            traces.endpoint = None;
            return;
        }
        for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            if let Some((_, place)) = self.inputs.word(name).filter(|(value, _)| value != "grpc") {
                let why = "traces are sent by OTLP over gRPC only";
                self.warnings.push(format!("{place} has no effect: {why}"));
            }
        }
    }

    /// JAEGER_PORT goes with JAEGER_HOST, and is mostly that of a protocol that is gone.
    fn on_port(&mut self, entry: &mut Entry, traces: &mut Traces) {
        let Some((port, place)) = self.inputs.word(JAEGER_PORT) else { return };
        if entry.source.name() != Some("JAEGER_HOST") {
            let why = "it goes with JAEGER_HOST, which does not say where traces are sent";
            return self.warnings.push(format!("{place} has no effect: {why}"));
        }
        match port.parse::<u16>() {
            Ok(port) if FORMER_PORTS.contains(&port) => self.warnings.push(format!(
                "{place} is {port}, where Jaeger took another protocol than OTLP; port {OTLP_PORT} is used"
            )),
            Ok(port) if port > 0 => {
                let moved = |url: &String| {
                    url.trim_end_matches(&OTLP_PORT.to_string()).to_owned() + &port.to_string()
                };
                traces.endpoint = traces.endpoint.as_ref().map(moved);
                entry.value = traces.endpoint.clone().map(Into::into);
            }
            Ok(_) | Err(_) => {
                self.wrong.say(format!("{place} is `{port}`; write a port from 1 to 65535"));
            }
        }
    }

    /// OTEL_TRACES_SAMPLER, unless a setting of the broker's own says the share.
    fn on_sampling(self, entry: &mut Entry, traces: &mut Traces) {
        let Some((sampler, place)) = self.inputs.word("OTEL_TRACES_SAMPLER") else { return };
        let is_own = entry.source != Source::Default && !entry.source.is_alias();
        if is_own {
            let stronger = &entry.source;
            let word = format!("{place} has no effect, since {stronger} is stronger");
            return self.warnings.push(word);
        }
        let kind = sampler.strip_prefix("parentbased_").unwrap_or(&sampler);
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            // As the specification has it where no share is said.
            "traceidratio" if entry.source == Source::Default => 1.0,
            "traceidratio" => traces.ratio,
            _ => {
                return self.wrong.say(format!(
                    "{place} is `{sampler}`; write always_on, always_off or traceidratio, or one of \
                     them behind parentbased_"
                ));
            }
        };
        (traces.ratio, traces.follows_parent) = (ratio, kind.len() < sampler.len());
        entry.value = Some(ratio.to_string().into());
        if let Some(source) = self.inputs.source_of("OTEL_TRACES_SAMPLER") {
            entry.source = source;
        }
    }
}
