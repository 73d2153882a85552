//! What a path says of what lies there: words that gates and the risk matrix share.

const CODE: &[&str] = &[
    "cjs", "cs", "ex", "exs", "go", "java", "js", "json", "kt", "mjs", "php", "py", "rb", "rs", "scala",
    "ts", "xml", "yaml", "yml",
];
/// Endings of files whose lines a test can execute.
const EXECUTABLE: &[&str] = &[
    "c", "cc", "cjs", "cpp", "cs", "ex", "exs", "go", "h", "hpp", "java", "js", "jsx", "kt", "mjs", "php",
    "py", "rb", "rs", "scala", "swift", "ts", "tsx", "vue",
];
const MIGRATION_FOLDERS: &[&str] = &["migrate", "migration", "migrations", "schema_changes", "upgrades"];
const TEST_FOLDERS: &[&str] = &[
    "__tests__",
    "e2e",
    "fixtures",
    "spec",
    "specs",
    "test",
    "testdata",
    "tests",
];

/// Whether the file changes the shape or the contents of stored data.
pub(crate) fn is_migration(path: &str) -> bool {
    let parts = PathParts::of(path);
    if parts.is_test() {
        return false;
    }
    // Queries of a program are files of SQL too.
    let is_sql = parts.ending() == "sql" && !parts.lies_in(&["queries", "query"]);
    let of_alembic = parts.lies_in(&["alembic"]) && parts.lies_in(&["versions"]);
    let of_liquibase =
        parts.lies_in(&["changelog", "changelogs"]) && parts.lies_in(&["database", "db", "liquibase"]);
    let is_code = CODE.contains(&parts.ending());
    is_sql || is_code && (parts.lies_in(MIGRATION_FOLDERS) || of_alembic || of_liquibase)
}

/// Whether tests could execute lines of the file.
pub(crate) fn is_code(path: &str) -> bool {
    EXECUTABLE.contains(&PathParts::of(path).ending())
}

/// Whether the file is a test or belongs to tests.
pub(crate) fn is_test(path: &str) -> bool {
    PathParts::of(path).is_test()
}

/// A path in lower case, in its parts.
pub(crate) struct PathParts {
    folders: Vec<String>,
    name: String,
}

impl PathParts {
    pub(crate) fn of(path: &str) -> PathParts {
        let mut folders: Vec<String> = path.to_ascii_lowercase().split('/').map(str::to_owned).collect();
        let name = folders.pop().unwrap_or_default();
        PathParts { folders, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn ending(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(_, ending)| ending)
    }

    pub(crate) fn stem(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    pub(crate) fn lies_in(&self, folders: &[&str]) -> bool {
        self.folders
            .iter()
            .any(|folder| folders.contains(&folder.as_str()))
    }

    /// The words of all parts: `src/user-auth/tokens.ts` has `auth`, and not `author`.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let parts = self.folders.iter().chain(std::iter::once(&self.name));
        parts.flat_map(|part| part.split(|c: char| !c.is_alphanumeric()))
    }

    fn is_test(&self) -> bool {
        let stem = self.stem();
        self.lies_in(TEST_FOLDERS)
            || stem == "conftest"
            || ["test_"].iter().any(|begin| stem.starts_with(begin))
            || ["_spec", "_test", "_tests"].iter().any(|end| stem.ends_with(end))
            || self.name.contains(".spec.")
            || self.name.contains(".test.")
            || ["test.java", "test.kt", "tests.cs"]
                .iter()
                .any(|end| self.name.ends_with(end))
    }
}
