//! The calls of packages that nearly every project has, whose arguments have been the same for years, and what they give.

use super::data::Names;

const REQUESTS: Names = Names(
    "method url params data json headers cookies files auth timeout allow_redirects proxies hooks stream verify cert",
);
const HTTPX: Names = Names(
    "method url params content data files json headers cookies auth proxy proxies mounts follow_redirects allow_redirects \
     cert verify timeout trust_env",
);
const REQUESTS_RESPONSE: Names = Names(
    "apparent_encoding close connection content cookies elapsed encoding headers history is_permanent_redirect is_redirect \
     iter_content iter_lines json links next ok raise_for_status raw reason request status_code text url",
);
const HTTPX_RESPONSE: Names = Names(
    "aclose aiter_bytes aiter_lines aiter_raw aiter_text aread charset_encoding close content cookies default_encoding \
     elapsed encoding extensions has_redirect_location headers history http_version is_client_error is_closed is_error \
     is_informational is_redirect is_server_error is_stream_consumed is_success iter_bytes iter_lines iter_raw iter_text json \
     links next_request num_bytes_downloaded raise_for_status read reason_phrase request status_code stream text url",
);

const CALLS: &[&str] = &[
    "get", "options", "head", "post", "put", "patch", "delete", "request",
];

/// The arguments of `requests.get`.
pub fn arguments(path: &str) -> Option<Names> {
    let (package, call) = path.split_once('.')?;
    match package {
        "requests" if CALLS.contains(&call) => Some(REQUESTS),
        "httpx" if CALLS.contains(&call) => Some(HTTPX),
        _ => None,
    }
}

/// What a call gives.
pub fn returns(path: &str) -> Option<&'static str> {
    let (package, call) = path.split_once('.')?;
    match package {
        "requests" if CALLS.contains(&call) => Some("requests.Response"),
        "httpx" if CALLS.contains(&call) => Some("httpx.Response"),
        _ => None,
    }
}

/// The members of what is given.
pub fn members(class: &str) -> Option<Names> {
    match class {
        "requests.Response" => Some(REQUESTS_RESPONSE),
        "httpx.Response" => Some(HTTPX_RESPONSE),
        _ => None,
    }
}
