//! The tools, and what each answers.

use std::path::PathBuf;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, Principal};
use safeguard_api::status::Status;
use safeguard_api::{Environment, UndoId};
use safeguard_guard::{judge, migration, read};
use serde_json::{Value, json};

use super::query;
use super::undo::{self, Wanted};
use crate::agent::ask::{self, Asked};
use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::db::connect::DatabaseArgs;
use crate::failure::Failure;

const INSTRUCTIONS: &str = "Safeguard stands between you and systems that matter. Ask explain_sql before you send SQL to a database, \
explain_command before you run a command that deletes, resets or deploys, and lint_migration before you propose a migration. A refusal names \
its rule and what to do instead: do that, and do not look for another way to the same end.";

pub(super) struct Tools {
    pub environment: Environment,
    pub policy: GuardPolicy,
    pub database: Option<DatabaseArgs>,
    pub undo_database: Option<DatabaseArgs>,
    pub undo_from: Option<PathBuf>,
    pub globals: Globals,
}

impl Tools {
    fn asker(&self) -> Asker {
        Asker {
            principal: Principal::Agent,
            environment: self.environment,
            frozen: false,
        }
    }

    fn explain_sql(&self, sql: &str) -> Value {
        json!(judge(&read(sql), self.asker(), &self.policy))
    }

    fn explain_command(&self, command: &str) -> Value {
        let asked = Asked {
            environment: self.environment,
            policy: &self.policy,
            folder: ask::folder(),
        };
        json!(asked.command(command))
    }

    async fn query(&self, database: &DatabaseArgs, sql: &str) -> Result<Value, Value> {
        let facts = read(sql);
        let decision = judge(&facts, self.asker(), &self.policy);
        if decision.decision != GuardAnswer::Allow {
            return Err(json!(decision));
        }
        query::run(database, sql, &facts).await.map_err(told)
    }

    async fn undo(&self, wanted: &Wanted) -> Result<Value, Value> {
        let Some(database) = &self.undo_database else {
            let next = undo::person_runs(&wanted.id);
            return match wanted.apply {
                true => Err(json!({ "title": "nothing is restored from here", "hint": next })),
                false => Ok(json!({ "id": wanted.id, "next": next })),
            };
        };
        // Whether there is a freeze is not known here.
        let asker = Asker {
            frozen: true,
            ..self.asker()
        };
        undo::run(database, self.undo_from.clone(), wanted, asker, &self.policy).await
    }

    /// The client of the API blocks, and has a runtime of its own.
    async fn status(&self) -> Result<Value, Value> {
        let globals = self.globals.clone();
        let asked =
            tokio::task::spawn_blocking(move || ApiClient::new(&globals)?.get::<Status>("/api/v1/status"));
        match asked.await {
            Ok(Ok(status)) => Ok(json!(status)),
            Ok(Err(failure)) => Err(told(failure)),
            Err(error) => Err(json!({ "title": error.to_string() })),
        }
    }
}

pub(super) fn told(failure: Failure) -> Value {
    match failure {
        Failure::Refused(problem) | Failure::Undecided(problem) => json!(problem),
        Failure::Told => json!({ "title": "it was refused" }),
        Failure::ToldUndecided => json!({ "title": "it could not be decided" }),
    }
}

/// A tool that reads one text.
fn tool(name: &'static str, description: &'static str, parameter: Option<(&str, &str)>) -> Tool {
    let properties: JsonObject = parameter
        .iter()
        .map(|(name, what)| {
            (
                (*name).to_owned(),
                json!({ "type": "string", "description": what }),
            )
        })
        .collect();
    let required: Vec<&str> = parameter.iter().map(|(name, _)| *name).collect();
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    let schema = match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    };
    let mut tool = Tool::new(name, description, Arc::new(schema));
    let mut annotations = ToolAnnotations::new();
    annotations.read_only_hint = Some(true);
    annotations.destructive_hint = Some(false);
    tool.annotations = Some(annotations);
    tool
}

/// The one tool that may change something.
fn undo_tool() -> Tool {
    let mut tool = tool(
        "undo",
        "Show what an undo id would bring back into the database, or bring it back with `apply`, where the policy lets an agent; \
        otherwise it says what a person runs. All of it comes back or nothing.",
        Some(("id", "The undo id, such as und_01jb5m9k3nfh6q2w")),
    );
    let mut schema = (*tool.input_schema).clone();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let apply = json!({ "type": "boolean", "description": "Bring it back; unsaid: only show what would come back" });
        properties.insert("apply".to_owned(), apply);
    }
    tool.input_schema = Arc::new(schema);
    let mut annotations = ToolAnnotations::new();
    annotations.read_only_hint = Some(false);
    annotations.destructive_hint = Some(false);
    tool.annotations = Some(annotations);
    tool
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("safeguard", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools = vec![
            tool(
                "explain_sql",
                "Say what an SQL statement for PostgreSQL would do, whether an agent may run it (allow, measure, deny), by which rule, and what to do instead. Runs nothing.",
                Some(("sql", "One statement, or several")),
            ),
            tool(
                "explain_command",
                "Say whether an agent may run a shell command, by which rule, and what to do instead. Runs nothing.",
                Some(("command", "The command as bash would read it")),
            ),
            tool(
                "lint_migration",
                "Say what is dangerous in a migration for PostgreSQL: locks, lost data, what the version that still runs misses. Runs nothing.",
                Some(("sql", "The text of the migration")),
            ),
            tool(
                "status",
                "Show services, releases on their way, and freezes.",
                None,
            ),
        ];
        tools.push(undo_tool());
        if self.database.is_some() {
            tools.push(tool(
                "query",
                "Read from the database with one SQL statement that changes nothing. At most 500 rows come back.",
                Some(("sql", "One statement that reads")),
            ));
        }
        Ok(ListToolsResult {
            tools,
            ..ListToolsResult::default()
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = |name: &'static str| {
            arguments
                .get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| ErrorData::invalid_params(format!("`{name}` is missing, or is no text"), None))
        };
        let answer = match (request.name.as_ref(), &self.database) {
            ("explain_sql", _) => Ok(self.explain_sql(text("sql")?)),
            ("explain_command", _) => Ok(self.explain_command(text("command")?)),
            ("lint_migration", _) => Ok(json!({ "findings": migration::lint(text("sql")?) })),
            ("status", _) => self.status().await,
            ("undo", _) => {
                let apply = match arguments.get("apply") {
                    None => false,
                    Some(Value::Bool(apply)) => *apply,
                    Some(_) => {
                        return Err(ErrorData::invalid_params(
                            "`apply` is neither true nor false",
                            None,
                        ));
                    }
                };
                let id = text("id")?.parse::<UndoId>();
                let id = id.map_err(|_| ErrorData::invalid_params("`id` is no undo id", None))?;
                self.undo(&Wanted { id, apply }).await
            }
            ("query", Some(database)) => self.query(database, text("sql")?).await,
            (name, _) => {
                let message = format!("there is no tool `{}`", name.escape_debug());
                return Err(ErrorData::invalid_params(message, None));
            }
        };
        let result = match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(value) => CallToolResult::structured_error(value),
        };
        Ok(result.into())
    }
}
