//! The page /metrics, in the form that its reader asks for.

use super::Slot;
use axum::{extract, response::IntoResponse};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl MetricsFormat {
    /// What the header `content-type` says.
    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// OpenMetrics for who prefers it to plain text, text for everybody else.
    fn wanted(headers: &HeaderMap) -> Self {
        let (mut open_metrics, mut text) = (0.0, 0.0);
        for value in headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok())
        {
            for range in value.split(',') {
                let (kind, quality) = media_range(range);
                match kind.as_str() {
                    "application/openmetrics-text" => {
                        open_metrics = f32::max(open_metrics, quality)
                    }
                    "text/plain" => text = f32::max(text, quality),
                    _ => {}
                }
            }
        }
        if open_metrics > text { Self::OpenMetrics } else { Self::Text }
    }
}

/// A media range of RFC 9110 and its weight.
fn media_range(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse);
    (kind, quality.map_or(1.0, |quality| quality.unwrap_or(0.0)))
}

/// Writes the metrics. It may wait for the disk.
pub trait MetricsPage: Send + Sync + 'static {
    /// All of them, as they are now.
    fn write(&self, format: MetricsFormat) -> String;
}

/// Answers `GET /metrics`.
pub async fn answer(slot: extract::State<Slot>, headers: HeaderMap) -> Response<axum::body::Body> {
    let Some(page) = slot.get().and_then(|controls| controls.metrics.clone()) else {
        return (StatusCode::NOT_FOUND, "there are no metrics\n").into_response();
    };
    let format = MetricsFormat::wanted(&headers);
    match tokio::task::spawn_blocking(move || page.write(format)).await {
        Ok(text) => {
            let kind = HeaderValue::from_static(format.content_type());
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        // A panic was reported where it happened.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_one_that_is_preferred() {
        let wanted = |accept: &'static str| {
            let accept = HeaderValue::from_static(accept);
            MetricsFormat::wanted(&HeaderMap::from_iter([(header::ACCEPT, accept)]))
        };
        assert_eq!(MetricsFormat::wanted(&HeaderMap::new()), MetricsFormat::Text);
        for text in
            ["*/*", "text/plain", "text/html, */*;q=0.8", "application/openmetrics-text;q=0"]
        {
            assert_eq!(wanted(text), MetricsFormat::Text, "{text}");
        }
        // As Prometheus asks.
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for open in [prometheus, "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8"] {
            assert_eq!(wanted(open), MetricsFormat::OpenMetrics, "{open}");
        }
        assert_eq!(wanted("text/plain, application/openmetrics-text;q=0.9"), MetricsFormat::Text);
    }
}
