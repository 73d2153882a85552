//! Chat, mail, payment and other services.

use super::{Candidate, Kind, Trust, issued, named, token};
use crate::randomness::{is_placeholder, is_random};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(super) const KINDS: &[Kind] = &[
    token(
        "slack-token",
        "a token of Slack",
        &["xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxe."],
        r"xox(?:[baprso]-[0-9]+-[A-Za-z0-9-]{16,250}|[ar]-2-[A-Za-z0-9-]{16,250}|e\.xox[bp]-1-[A-Za-z0-9]{100,250})",
    ),
    token(
        "slack-app-token",
        "an app's token of Slack",
        &["xapp-"],
        r"xapp-[0-9]-A[A-Z0-9]{8,12}-[0-9]{10,14}-[0-9a-f]{64}",
    ),
    Kind {
        check: address,
        ..token(
            "slack-webhook-url",
            "an address that posts to Slack",
            &["hooks.slack.com/"],
            r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Z0-9]{8,12}/[A-Z0-9]{8,24}/[A-Za-z0-9]{18,36})",
        )
    },
    Kind {
        check: address,
        ..token(
            "discord-webhook-url",
            "an address that posts to Discord",
            &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
            r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/([A-Za-z0-9_-]{60,72})",
        )
    },
    Kind {
        check: address,
        ..token(
            "teams-webhook-url",
            "an address that posts to Teams",
            &["webhook.office.com/"],
            r"webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/([0-9a-f]{32}/[0-9a-f-]{36})",
        )
    },
    Kind {
        check: discord,
        ..named(
            "discord-bot-token",
            "a token of a bot of Discord",
            &["discord"],
            r"(?i:discord)[^\n]{0,48}?([MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})",
        )
    },
    Kind {
        back: 10,
        ahead: 40,
        ..token(
            "telegram-bot-api-token",
            "a token of a bot of Telegram",
            &[":aa"],
            r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
        )
    },
    Kind {
        check: stripe,
        ..token(
            "stripe-access-token",
            "a key of Stripe",
            &["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
            r"[sr]k_(?:live|test)_[A-Za-z0-9]{24,200}",
        )
    },
    token(
        "stripe-webhook-secret",
        "a webhook's secret of Stripe",
        &["whsec_"],
        r"whsec_[A-Za-z0-9+/]{32,64}={0,2}",
    ),
    token(
        "square-access-token",
        "a token of Square",
        &["sq0atp-", "sq0csp-", "sq0idp-"],
        r"sq0(?:atp-[A-Za-z0-9_-]{22}|csp-[A-Za-z0-9_-]{43})",
    ),
    token(
        "paypal-braintree-token",
        "a token of Braintree",
        &["access_token$production$"],
        r"access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}",
    ),
    token(
        "razorpay-key",
        "a live key of Razorpay",
        &["rzp_live_"],
        r"rzp_live_[A-Za-z0-9]{14}",
    ),
    token(
        "flutterwave-secret-key",
        "a secret key of Flutterwave",
        &["flwseck-", "flwseck_live"],
        r"FLWSECK-[0-9a-f]{32}-X",
    ),
    token(
        "shopify-token",
        "a token of Shopify",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}",
    ),
    token(
        "sendgrid-api-token",
        "a key of SendGrid",
        &["sg."],
        r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    ),
    token(
        "sendinblue-api-token",
        "a key of Brevo",
        &["xkeysib-", "xsmtpsib-"],
        r"x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}",
    ),
    named(
        "mailgun-key",
        "a key of Mailgun",
        &["mailgun"],
        r#"(?i:mailgun)[A-Za-z_.-]{0,24}["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?(key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})"#,
    ),
    Kind {
        back: 32,
        ahead: 8,
        ..token(
            "mailchimp-api-key",
            "a key of Mailchimp",
            &["-us"],
            r"[0-9a-f]{32}-us[0-9]{1,2}",
        )
    },
    token(
        "resend-key",
        "a key of Resend",
        &["re_"],
        r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
    ),
    Kind {
        ..named(
            "twilio-auth-token",
            "an auth token of Twilio",
            &["twilio"],
            r#"(?i:twilio)[A-Za-z_.-]{0,20}(?i:token|secret)["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?([0-9a-f]{32})"#,
        )
    },
    named(
        "datadog-key",
        "a key of Datadog",
        &["datadog", "dd_api_key", "dd_app_key"],
        r#"(?i:datadog|dd)[A-Za-z_.-]{0,14}(?i:key)["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?([0-9a-f]{32}(?:[0-9a-f]{8})?)"#,
    ),
    token(
        "facebook-token",
        "an access token of Facebook",
        &["eaa"],
        r"EAA[MC][A-Za-z0-9]{100,250}",
    ),
    token(
        "linear-api-key",
        "a key of Linear",
        &["lin_api_"],
        r"lin_api_[A-Za-z0-9]{40}",
    ),
    token(
        "notion-api-token",
        "a token of Notion",
        &["ntn_", "secret_"],
        r"(?:ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43})",
    ),
    token(
        "figma-token",
        "a token of Figma",
        &["figd_"],
        r"figd_[A-Za-z0-9_-]{40}",
    ),
    named(
        "airtable-token",
        "a token of Airtable",
        &["airtable"],
        r"(?i:airtable)[^\n]{0,48}?(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})",
    ),
    named(
        "asana-token",
        "a token of Asana",
        &["asana"],
        r#"(?i:asana)[A-Za-z_.-]{0,24}["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?([12]/[0-9]{10,20}(?:/[0-9]{10,20})?:[0-9a-f]{32})"#,
    ),
    token(
        "contentful-token",
        "a token of Contentful",
        &["cfpat-"],
        r"CFPAT-[A-Za-z0-9_-]{43}",
    ),
    token(
        "mapbox-secret-token",
        "a secret token of Mapbox",
        &["sk.eyj"],
        r"sk\.eyJ[A-Za-z0-9_-]{50,120}\.[A-Za-z0-9_-]{22}",
    ),
    token(
        "typeform-api-token",
        "a token of Typeform",
        &["tfp_"],
        r"tfp_[A-Za-z0-9_.-]{40,64}",
    ),
    token(
        "easypost-api-token",
        "a live key of EasyPost",
        &["ezak"],
        r"EZAK[A-Za-z0-9]{54}",
    ),
    token(
        "duffel-api-token",
        "a live token of Duffel",
        &["duffel_live_"],
        r"duffel_live_[A-Za-z0-9_=-]{43}",
    ),
    token(
        "frameio-api-token",
        "a token of Frame.io",
        &["fio-u-"],
        r"fio-u-[A-Za-z0-9_=-]{64}",
    ),
    token(
        "adafruit-key",
        "a key of Adafruit IO",
        &["aio_"],
        r"aio_[A-Za-z0-9]{28}",
    ),
    Kind {
        ahead: 2 << 10,
        ..token(
            "1password-service-account",
            "a service account's token of 1Password",
            &["ops_eyj"],
            r"ops_eyJ[A-Za-z0-9+/]{250,}={0,3}",
        )
    },
    token(
        "intercom-token",
        "a token of Intercom",
        &["dg9r"],
        r"dG9r[A-Za-z0-9_+/-]{56}=",
    ),
    token(
        "workos-key",
        "a key of WorkOS",
        &["sk_a2v5"],
        r"sk_a2V5[A-Za-z0-9+/=]{40,120}",
    ),
];

/// Whoever knows the address may post there.
fn address(candidate: &Candidate<'_>) -> Trust {
    let secret = candidate.secret();
    if is_placeholder(secret) || !is_random(secret) {
        return Trust::No;
    }
    Trust::Sure
}

fn stripe(candidate: &Candidate<'_>) -> Trust {
    let for_tests = candidate.secret().as_bytes().get(3..7) == Some(b"test");
    let trust = issued(candidate);
    if for_tests {
        trust.min(Trust::Advice)
    } else {
        trust
    }
}

fn discord(candidate: &Candidate<'_>) -> Trust {
    let first = candidate.secret().split('.').next().unwrap_or("");
    let number = URL_SAFE_NO_PAD.decode(first).unwrap_or_default();
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return Trust::No;
    }
    issued(candidate)
}
