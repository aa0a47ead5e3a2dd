//! Where traces go, as the settings and the variables of others say it.

use super::Given;
use crate::settings::{resolution::Resolved, traces::Traces};

fn traces(given: Given) -> Traces {
    given.resolve().unwrap().settings.traces
}

fn endpoint(given: Given) -> Option<String> {
    traces(given).endpoint
}

fn shown(resolved: &Resolved, name: &str) -> String {
    let entry = resolved.entries.iter().find(|entry| entry.setting.name == name).unwrap();
    format!("{} {}", entry.text(), entry.source)
}

#[test]
fn without_an_endpoint_nothing_is_traced() {
    assert_eq!(traces(Given::default()), Traces::default());
    assert_eq!(endpoint(Given::default()), None);
}

#[test]
fn the_broker_s_own_setting_is_the_strongest_and_the_most_special_variable_next() {
    let (own, special, general) = ("http://own:1", "http://special:2", "http://general:3");
    let jaeger = || Given::default().variable("JAEGER_HOST", "jaeger");
    assert_eq!(endpoint(jaeger()).unwrap(), "http://jaeger:4317");
    let general = jaeger().variable("OTEL_EXPORTER_OTLP_ENDPOINT", general);
    let special = |given: Given| given.variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", special);
    assert_eq!(endpoint(special(jaeger())).unwrap(), "http://special:2");
    let all = special(general).variable("BROKER_OTLP_ENDPOINT", own);
    assert_eq!(endpoint(all).unwrap(), own);
}

#[test]
fn the_old_host_and_port_name_a_collector() {
    let given =
        |host, port| Given::default().variable("JAEGER_HOST", host).variable("JAEGER_PORT", port);
    assert_eq!(endpoint(given("jaeger", "14317")).unwrap(), "http://jaeger:14317");
    assert_eq!(endpoint(given("::1", "1")).unwrap(), "http://[::1]:1");
    let dotenv = Given::default().dotenv("JAEGER_HOST=h\nJAEGER_PORT=2");
    assert_eq!(endpoint(dotenv).unwrap(), "http://h:2");
    // A service of that name in Kubernetes sets it in every pod.
    assert_eq!(endpoint(given("jaeger", "tcp://10.0.0.1:1")).unwrap(), "http://jaeger:4317");
    for port in ["6831", "6832", "14268", "14250"] {
        let resolved = given("jaeger", port).resolve().unwrap();
        assert_eq!(resolved.settings.traces.endpoint.unwrap(), "http://jaeger:4317");
        let [warning] = &resolved.warnings[..] else { panic!("{:?}", resolved.warnings) };
        assert!(warning.starts_with("JAEGER_PORT is ") && warning.contains("4317"), "{warning}");
    }
    for (host, port) in [("jaeger", "0"), ("jaeger", "x"), ("a b", "1"), ("jaeger:1", "1")] {
        let wrong = given(host, port).resolve().unwrap_err();
        assert!(wrong.sentences()[0].starts_with("JAEGER_"), "{wrong}");
    }
}

#[test]
fn a_port_without_its_host_is_told() {
    let resolved = Given::default().variable("JAEGER_PORT", "4317").resolve().unwrap();
    assert!(resolved.warnings[0].starts_with("JAEGER_PORT has no effect: "));
}

#[test]
fn tracing_is_off_when_the_standard_variables_say_so_but_not_against_our_own_setting() {
    for (name, value) in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
        let off = Given::default().variable(name, value).variable("JAEGER_HOST", "jaeger");
        let resolved = off.resolve().unwrap();
        assert_eq!(resolved.settings.traces.endpoint, None);
        assert!(resolved.warnings[0].starts_with(name), "{:?}", resolved.warnings);
        assert!(shown(&resolved, "otlp-endpoint").ends_with("default"));
        let own = Given::default().variable(name, value).flag("otlp-endpoint", "http://c:1");
        assert_eq!(endpoint(own).unwrap(), "http://c:1");
    }
    let on = Given::default().variable("OTEL_SDK_DISABLED", "false").variable("JAEGER_HOST", "j");
    assert!(endpoint(on).is_some());
}

#[test]
fn samplers_are_those_of_the_specification() {
    for (sampler, share, expected) in [
        ("always_on", None, (1.0, false)),
        ("always_off", None, (0.0, false)),
        ("traceidratio", None, (1.0, false)),
        ("traceidratio", Some("0.25"), (0.25, false)),
        ("parentbased_always_on", Some("0.25"), (1.0, true)),
        ("parentbased_always_off", None, (0.0, true)),
        ("parentbased_traceidratio", Some("0.25"), (0.25, true)),
    ] {
        let mut given = Given::default().variable("OTEL_TRACES_SAMPLER", sampler);
        if let Some(share) = share {
            given = given.variable("OTEL_TRACES_SAMPLER_ARG", share);
        }
        let resolved = given.resolve().unwrap();
        let traces = &resolved.settings.traces;
        assert_eq!((traces.ratio, traces.follows_parent), expected, "{sampler}");
        let shown = shown(&resolved, "trace-sampling");
        assert_eq!(shown, format!("{} environment OTEL_TRACES_SAMPLER", expected.0));
    }
    let own = Given::default()
        .variable("OTEL_TRACES_SAMPLER", "always_off")
        .variable("BROKER_TRACE_SAMPLING", "0.5");
    assert_eq!((traces(own).ratio, Traces::default().follows_parent), (0.5, true));
    let wrong = Given::default().variable("OTEL_TRACES_SAMPLER", "xray").resolve().unwrap_err();
    assert!(wrong.sentences()[0].starts_with("OTEL_TRACES_SAMPLER is `xray`; write always_on"));
}

#[test]
fn what_is_no_share_and_no_url_is_refused() {
    for share in ["-0.1", "1.1", "NaN", "inf", "x", ""] {
        let wrong = Given::default().flag("trace-sampling", share).resolve().unwrap_err();
        assert!(wrong.sentences()[0].starts_with("--trace-sampling is "), "{wrong}");
    }
    for share in ["0", "1", "0.001", "1e-3"] {
        traces(Given::default().flag("trace-sampling", share));
    }
    for url in ["jaeger:4317", "https://jaeger:4317", "http://", "/x", "http://a b"] {
        let wrong = Given::default().flag("otlp-endpoint", url).resolve().unwrap_err();
        assert!(wrong.sentences()[0].starts_with("--otlp-endpoint is "), "{wrong}");
    }
}
