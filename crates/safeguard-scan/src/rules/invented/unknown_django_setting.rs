//! Django: settings that look like the framework's own and are none: nobody reads them, and what they were to protect is not protected.

use super::data::{self, Names};
use super::unknown_field;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_field::CHECK
};

/// Those of all versions.
const SETTINGS: Names = Names(
    "ABSOLUTE_URL_OVERRIDES ADMINS ALLOWED_HOSTS APPEND_SLASH AUTHENTICATION_BACKENDS AUTH_PASSWORD_VALIDATORS \
     AUTH_USER_MODEL CACHES CACHE_MIDDLEWARE_ALIAS CACHE_MIDDLEWARE_ANONYMOUS_ONLY CACHE_MIDDLEWARE_KEY_PREFIX \
     CACHE_MIDDLEWARE_SECONDS CSRF_COOKIE_AGE CSRF_COOKIE_DOMAIN CSRF_COOKIE_HTTPONLY CSRF_COOKIE_MASKED \
     CSRF_COOKIE_NAME CSRF_COOKIE_PARTITIONED CSRF_COOKIE_PATH CSRF_COOKIE_SAMESITE CSRF_COOKIE_SECURE \
     CSRF_FAILURE_VIEW CSRF_HEADER_NAME CSRF_TRUSTED_ORIGINS CSRF_USE_SESSIONS DATABASES DATABASE_ENGINE \
     DATABASE_ROUTERS DATA_UPLOAD_MAX_MEMORY_SIZE DATA_UPLOAD_MAX_NUMBER_FIELDS DATA_UPLOAD_MAX_NUMBER_FILES \
     DATETIME_FORMAT DATETIME_INPUT_FORMATS DATE_FORMAT DATE_INPUT_FORMATS DEBUG DEBUG_PROPAGATE_EXCEPTIONS \
     DECIMAL_SEPARATOR DEFAULT_AUTO_FIELD DEFAULT_CHARSET DEFAULT_EXCEPTION_REPORTER \
     DEFAULT_EXCEPTION_REPORTER_FILTER DEFAULT_FILE_STORAGE DEFAULT_FROM_EMAIL DEFAULT_HASHING_ALGORITHM \
     DEFAULT_INDEX_TABLESPACE DEFAULT_TABLESPACE DISALLOWED_USER_AGENTS EMAIL_BACKEND EMAIL_HOST \
     EMAIL_HOST_PASSWORD EMAIL_HOST_USER EMAIL_PORT EMAIL_PROVIDERS EMAIL_SSL_CERTFILE EMAIL_SSL_KEYFILE \
     EMAIL_SUBJECT_PREFIX EMAIL_TIMEOUT EMAIL_USE_LOCALTIME EMAIL_USE_SSL EMAIL_USE_TLS FILE_CHARSET \
     FILE_UPLOAD_DIRECTORY_PERMISSIONS FILE_UPLOAD_HANDLERS FILE_UPLOAD_MAX_MEMORY_SIZE \
     FILE_UPLOAD_PERMISSIONS FILE_UPLOAD_TEMP_DIR FIRST_DAY_OF_WEEK FIXTURE_DIRS FORCE_SCRIPT_NAME \
     FORMAT_MODULE_PATH FORMS_URLFIELD_ASSUME_HTTPS FORM_RENDERER IGNORABLE_404_URLS INSTALLED_APPS \
     INTERNAL_IPS LANGUAGES LANGUAGES_BIDI LANGUAGE_CODE LANGUAGE_COOKIE_AGE LANGUAGE_COOKIE_DOMAIN \
     LANGUAGE_COOKIE_HTTPONLY LANGUAGE_COOKIE_NAME LANGUAGE_COOKIE_PATH LANGUAGE_COOKIE_SAMESITE \
     LANGUAGE_COOKIE_SECURE LOCALE_PATHS LOGGING LOGGING_CONFIG LOGIN_REDIRECT_URL LOGIN_URL \
     LOGOUT_REDIRECT_URL MAILERS MANAGERS MEDIA_ROOT MEDIA_URL MESSAGE_LEVEL MESSAGE_STORAGE MESSAGE_TAGS \
     MIDDLEWARE MIDDLEWARE_CLASSES MIGRATION_MODULES MONTH_DAY_FORMAT NUMBER_GROUPING PASSWORD_HASHERS \
     PASSWORD_RESET_TIMEOUT PASSWORD_RESET_TIMEOUT_DAYS PREPEND_WWW SECRET_KEY SECRET_KEY_FALLBACKS \
     SECURE_BROWSER_XSS_FILTER SECURE_CONTENT_TYPE_NOSNIFF SECURE_CROSS_ORIGIN_OPENER_POLICY SECURE_CSP \
     SECURE_CSP_REPORT_ONLY SECURE_HSTS_INCLUDE_SUBDOMAINS SECURE_HSTS_PRELOAD SECURE_HSTS_SECONDS \
     SECURE_PROXY_SSL_HEADER SECURE_REDIRECT_EXEMPT SECURE_REFERRER_POLICY SECURE_SSL_HOST SECURE_SSL_REDIRECT \
     SEND_BROKEN_LINK_EMAILS SERVER_EMAIL SESSION_CACHE_ALIAS SESSION_COOKIE_AGE SESSION_COOKIE_DOMAIN \
     SESSION_COOKIE_HTTPONLY SESSION_COOKIE_NAME SESSION_COOKIE_PARTITIONED SESSION_COOKIE_PATH \
     SESSION_COOKIE_SAMESITE SESSION_COOKIE_SECURE SESSION_ENGINE SESSION_EXPIRE_AT_BROWSER_CLOSE \
     SESSION_FILE_PATH SESSION_REDIS SESSION_REDIS_URL SESSION_SAVE_EVERY_REQUEST SESSION_SERIALIZER \
     SHORT_DATETIME_FORMAT SHORT_DATE_FORMAT SIGNING_BACKEND SILENCED_SYSTEM_CHECKS SITE_ID STATICFILES_DIRS \
     STATICFILES_FINDERS STATICFILES_STORAGE STATIC_ROOT STATIC_URL STORAGES TASKS TEMPLATES \
     TEMPLATE_CONTEXT_PROCESSORS TEMPLATE_DEBUG TEMPLATE_DIRS TEMPLATE_LOADERS TEMPLATE_STRING_IF_INVALID \
     TEST_NON_SERIALIZED_APPS TEST_RUNNER THOUSAND_SEPARATOR TIME_FORMAT TIME_INPUT_FORMATS TIME_ZONE \
     TRANSACTIONS_MANAGED URLIZE_ASSUME_HTTPS USE_DEPRECATED_PYTZ USE_I18N USE_L10N USE_THOUSAND_SEPARATOR \
     USE_TZ USE_X_FORWARDED_HOST USE_X_FORWARDED_PORT WSGI_APPLICATION X_FRAME_OPTIONS YEAR_MONTH_FORMAT",
);

/// What the framework's own names begin with, and those of applications seldom.
const BEGINNINGS: &[&str] = &[
    "SECURE_",
    "SESSION_",
    "CSRF_",
    "PASSWORD_",
    "FILE_UPLOAD_",
    "DATA_UPLOAD_",
    "X_FRAME_",
    "CACHE_MIDDLEWARE_",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let file = file_name(&source.path);
    let text = tree.text();
    let is_settings = file.contains("settings") || source.path.contains("settings/");
    // Settings that are named alike belong to Flask, and to packages that add their own.
    const OTHERS: &[&str] = &["flask", "Flask", "BaseSettings", "starlette"];
    if !is_settings || source.is_test() || OTHERS.iter().any(|other| text.contains(other)) {
        return;
    }
    let is_django = [
        "INSTALLED_APPS",
        "ROOT_URLCONF",
        "django",
        "from .base",
        "from .settings",
        "from .common",
    ];
    if !is_django.iter().any(|word| text.contains(word)) {
        return;
    }
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let top = tree
            .parent(assign)
            .is_some_and(|parent| tree.kind(parent) == Kind::Module);
        let Some(target) = tree
            .child(assign, Role::Target)
            .filter(|target| top && tree.kind(*target) == Kind::Name)
        else {
            continue;
        };
        let name = tree.name(target);
        let is_of_django = BEGINNINGS.iter().any(|begin| name.starts_with(begin));
        if is_of_django && !SETTINGS.contains(name) && !is_read(source, project, name, target) {
            let hint = data::hint(name, SETTINGS.iter());
            let told = format!("Django has no setting `{name}`, and nothing here reads it{hint}");
            // Packages that are not here may read what is called otherwise than any of the framework's.
            match hint.is_empty() && near(name).is_none() {
                true => reports.note(target, told),
                false => reports.add(target, told),
            }
        }
    }
}

/// A setting of Django's that has nearly all of the words.
fn near(name: &str) -> Option<&'static str> {
    let words: Vec<&str> = name.split('_').collect();
    SETTINGS.iter().find(|other| {
        let others: Vec<&str> = other.split('_').collect();
        let shared = words.iter().filter(|word| others.contains(word)).count();
        shared + 1 >= others.len() && shared + 1 >= words.len() && shared > 1
    })
}

/// Whether the file itself uses it, or another one of the repository does.
fn is_read(source: &Source, project: &Project, name: &str, target: NodeId) -> bool {
    const FILES_MAX: usize = 2_000;
    let is_word = |text: &str, at: usize| {
        let part = |char: char| char.is_alphanumeric() || char == '_';
        !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part)
    };
    let text = source.tree.text();
    let own = source.tree.span(target).start;
    text.match_indices(name)
        .any(|(at, _)| at != own && is_word(text, at))
        || project
            .files()
            .filter(|path| path.ends_with(".py") && *path != source.path && !path.contains("settings"))
            .take(FILES_MAX)
            .any(|path| {
                project
                    .text(path)
                    .is_none_or(|text| text.match_indices(name).any(|(at, _)| is_word(&text, at)))
            })
}
