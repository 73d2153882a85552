//! Those who serve language models.

use super::{Kind, named, token};

pub(super) const KINDS: &[Kind] = &[
    token(
        "anthropic-api-key",
        "a key of Anthropic",
        &["sk-ant-"],
        r"sk-ant-(?:api|admin|oat|ort|sid)[0-9]{2}-[A-Za-z0-9_-]{80,120}",
    ),
    Kind {
        back: 100,
        ahead: 100,
        ..token(
            "openai-api-key",
            "a key of OpenAI",
            &["t3blbkfj"],
            r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}",
        )
    },
    token(
        "openrouter-api-key",
        "a key of OpenRouter",
        &["sk-or-v1-"],
        r"sk-or-v1-[0-9a-f]{64}",
    ),
    token(
        "huggingface-access-token",
        "a token of Hugging Face",
        &["hf_", "api_org_"],
        r"(?:hf_[A-Za-z]{34}|api_org_[A-Za-z]{34})",
    ),
    token("groq-api-key", "a key of Groq", &["gsk_"], r"gsk_[A-Za-z0-9]{52}"),
    token("xai-api-key", "a key of xAI", &["xai-"], r"xai-[A-Za-z0-9]{80}"),
    token(
        "perplexity-api-key",
        "a key of Perplexity",
        &["pplx-"],
        r"pplx-[A-Za-z0-9]{48}",
    ),
    token(
        "replicate-api-token",
        "a token of Replicate",
        &["r8_"],
        r"r8_[A-Za-z0-9]{37}",
    ),
    token(
        "langsmith-key",
        "a key of LangSmith",
        &["lsv2_"],
        r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
    ),
    token(
        "pinecone-key",
        "a key of Pinecone",
        &["pcsk_"],
        r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}",
    ),
    token(
        "nvidia-api-key",
        "a key of NVIDIA",
        &["nvapi-"],
        r"nvapi-[A-Za-z0-9_-]{64}",
    ),
    token(
        "tavily-key",
        "a key of Tavily",
        &["tvly-"],
        r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}",
    ),
    named(
        "elevenlabs-key",
        "a key of ElevenLabs",
        &["elevenlabs"],
        r#"(?i:elevenlabs[a-z_]{0,12}key)["'`\]]*[ \t]*(?:=>|:=|=|:)[ \t]*["'`]?(sk_[0-9a-f]{48})"#,
    ),
];
