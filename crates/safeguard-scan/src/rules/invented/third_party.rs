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

/// Of both kinds of sessions.
const SQLALCHEMY_SESSION: Names = Names(
    "aclose add add_all async_session_class autobegin autocommit autoflush begin begin_nested bind bind_mapper bind_table binds \
     bulk_insert_mappings bulk_save_objects bulk_update_mappings close close_all commit connection connection_callable delete \
     delete_all deleted dirty dispatch enable_baked_queries enable_relationship_loading execute execution_options expire \
     expire_all expire_on_commit expunge expunge_all flush future get get_bind get_nested_transaction get_one get_transaction \
     hash_key identity_key identity_map in_nested_transaction in_transaction info invalidate is_active is_modified merge \
     merge_all new no_autoflush object_session prepare prepared_statements query refresh reset rollback run_sync scalar scalars \
     stream stream_scalars sync_session sync_session_class transaction twophase",
);

const HTTPX_CLIENT: Names = Names(
    "auth params headers cookies verify cert trust_env http1 http2 proxy proxies mounts follow_redirects timeout limits \
     max_redirects event_hooks base_url transport app default_encoding",
);
const HTTPX_CLIENT_CALL: Names = Names(
    "method url content data files json params headers cookies auth follow_redirects timeout extensions",
);
const HTTPX_TRANSPORT: Names =
    Names("verify cert trust_env http1 http2 limits proxy uds local_address retries socket_options");
const BOTO3: Names = Names(
    "service_name region_name api_version use_ssl verify endpoint_url aws_access_key_id aws_secret_access_key \
     aws_session_token config aws_account_id profile_name botocore_session",
);
const URLLIB3_RETRY: Names = Names(
    "total connect read redirect status other allowed_methods method_whitelist status_forcelist backoff_factor \
     backoff_max backoff_jitter raise_on_redirect raise_on_status history respect_retry_after_header \
     remove_headers_on_redirect retry_after_max",
);

/// Classes and functions that take nothing else, whatever their release: what releases have dropped or added is in.
const MADE: &[(&[&str], Names)] = &[
    (&["httpx.Client", "httpx.AsyncClient"], HTTPX_CLIENT),
    (
        &["httpx.HTTPTransport", "httpx.AsyncHTTPTransport"],
        HTTPX_TRANSPORT,
    ),
    (
        &["httpx.Limits"],
        Names("max_connections max_keepalive_connections keepalive_expiry"),
    ),
    (&["httpx.Timeout"], Names("timeout connect read write pool")),
    (&["requests.Session", "requests.session"], Names("")),
    (
        &["requests.adapters.HTTPAdapter"],
        Names("pool_connections pool_maxsize max_retries pool_block"),
    ),
    (
        &["urllib3.Retry", "urllib3.util.Retry", "urllib3.util.retry.Retry"],
        URLLIB3_RETRY,
    ),
    (&["boto3.client", "boto3.resource"], BOTO3),
    (
        &["openai.OpenAI", "openai.AsyncOpenAI"],
        Names(
            "api_key admin_api_key organization project webhook_secret base_url websocket_base_url timeout max_retries \
             default_headers default_query http_client workload_identity _strict_response_validation \
             _enforce_credentials provider",
        ),
    ),
];

const CALLS: &[&str] = &[
    "get", "options", "head", "post", "put", "patch", "delete", "request",
];

/// The arguments of `requests.get`, of `httpx.AsyncClient`, of the methods of such a client.
pub fn arguments(path: &str) -> Option<Names> {
    if let Some((_, names)) = MADE.iter().find(|(paths, _)| paths.contains(&path)) {
        return Some(*names);
    }
    let (package, call) = path.split_once('.')?;
    if let Some((class, method)) = call.split_once('.') {
        return match (package, class) {
            ("httpx", "Client" | "AsyncClient") if CALLS.contains(&method) => Some(HTTPX_CLIENT_CALL),
            ("requests", "Session") if CALLS.contains(&method) => Some(REQUESTS),
            _ => None,
        };
    }
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
        "httpx" if call == "Client" => Some("httpx.Client"),
        "httpx" if call == "AsyncClient" => Some("httpx.AsyncClient"),
        "requests" if matches!(call, "Session" | "session") => Some("requests.Session"),
        _ => None,
    }
}

/// The members of what is given.
pub fn members(class: &str) -> Option<Names> {
    match class {
        "requests.Response" => Some(REQUESTS_RESPONSE),
        "httpx.Response" => Some(HTTPX_RESPONSE),
        "sqlalchemy.orm.Session" | "sqlalchemy.ext.asyncio.AsyncSession" => Some(SQLALCHEMY_SESSION),
        _ => None,
    }
}
