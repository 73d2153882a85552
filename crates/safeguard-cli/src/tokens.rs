//! `safeguard token …`

use clap::{Subcommand, ValueEnum};
use safeguard_api::TokenId;
use safeguard_api::operation::Scope;
use safeguard_api::status::{Token, TokenCreated, TokenSpec};

use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::failure::Failure;
use crate::output::{Output, table};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ScopeArg {
    Read,
    Propose,
    Evidence,
    Operate,
    Admin,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Scope {
        match scope {
            ScopeArg::Read => Scope::Read,
            ScopeArg::Propose => Scope::Propose,
            ScopeArg::Evidence => Scope::Evidence,
            ScopeArg::Operate => Scope::Operate,
            ScopeArg::Admin => Scope::Admin,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Make a token; its secret is shown once
    Create {
        /// Whose it is, as the log will say
        #[arg(long)]
        name: String,
        /// What it may do; each includes the ones before it
        #[arg(long)]
        scope: ScopeArg,
    },
    /// List tokens, without their secrets
    List,
    /// Make a token void
    Revoke { id: TokenId },
}

pub fn token(globals: &Globals, verb: TokenVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        TokenVerb::Create { name, scope } => {
            let spec = TokenSpec {
                name,
                scope: scope.into(),
            };
            let created: TokenCreated = client.post("/api/v1/tokens", &spec)?;
            output.data(&created, |created| format!("{}\n", created.secret))?;
            output.say(&format!(
                "{} is shown this once; only its hash is kept.",
                created.token.id
            ));
            Ok(())
        }
        TokenVerb::List => {
            let tokens: Vec<Token> = client.get("/api/v1/tokens")?;
            output.data(&tokens, |tokens| listed(tokens))
        }
        TokenVerb::Revoke { id } => {
            let token: Token = client.act(&format!("/api/v1/tokens/{id}/revoke"))?;
            output.data(&token, |token| format!("{} `{}` is void\n", token.id, token.name))
        }
    }
}

fn scope_text(scope: Scope) -> &'static str {
    match scope {
        Scope::Public => "public",
        Scope::Read => "read",
        Scope::Propose => "propose",
        Scope::Evidence => "evidence",
        Scope::Operate => "operate",
        Scope::Admin => "admin",
    }
}

fn listed(tokens: &[Token]) -> String {
    let row = |token: &Token| {
        let state = token
            .revoked_at
            .map_or("valid".to_owned(), |at| format!("revoked {at}"));
        let scope = scope_text(token.scope).to_owned();
        vec![
            token.id.to_string(),
            scope,
            state,
            token.created_at.to_string(),
            token.name.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    table(&["TOKEN", "SCOPE", "STATE", "CREATED", "NAME"], &rows)
}
