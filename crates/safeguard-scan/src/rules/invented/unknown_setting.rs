//! Inputs of well-known actions, fields of services of Compose and options of TypeScript's compiler that there are not.

use super::data::{self, Names};
use super::unknown_field;
use crate::analysis::entries::entries;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Yaml, Language::Settings],
    run,
    ..unknown_field::CHECK
};

/// Actions with their inputs, of all releases.
const ACTIONS: &[(&str, &str)] = &[
    (
        "actions/cache",
        "path key restore-keys upload-chunk-size enableCrossOsArchive fail-on-cache-miss lookup-only save-always",
    ),
    (
        "actions/checkout",
        "repository ref token ssh-key ssh-known-hosts ssh-strict ssh-user persist-credentials path clean \
     filter sparse-checkout allow-unsafe-pr-checkout sparse-checkout-cone-mode fetch-depth fetch-tags show-progress lfs submodules \
     set-safe-directory github-server-url",
    ),
    (
        "actions/download-artifact",
        "name artifact-ids path pattern merge-multiple github-token repository run-id skip-decompress digest-mismatch",
    ),
    (
        "actions/setup-go",
        "go-version go-version-file check-latest token cache cache-dependency-path architecture go-download-base-url stable version",
    ),
    (
        "actions/setup-java",
        "java-version java-version-file distribution java-package architecture jdkFile jdk-file check-latest \
     server-id server-username server-password settings-path overwrite-settings \
     gpg-private-key gpg-passphrase cache cache-dependency-path job-status token mvn-toolchain-id mvn-toolchain-vendor \
     version problem-matcher set-default verify-signature verify-signature-public-key",
    ),
    (
        "actions/setup-node",
        "always-auth node-version node-version-file architecture check-latest registry-url scope token cache \
     cache-dependency-path package-manager-cache mirror mirror-token version",
    ),
    (
        "actions/setup-python",
        "python-version python-version-file cache architecture check-latest token cache-dependency-path \
     update-environment allow-prereleases freethreaded pip-version pip-install version",
    ),
    (
        "actions/upload-artifact",
        "name path if-no-files-found retention-days compression-level overwrite include-hidden-files archive",
    ),
    (
        "docker/build-push-action",
        "add-hosts allow annotations attests build-args build-contexts builder cache-from cache-to call \
     cgroup-parent context file github-token labels load network no-cache no-cache-filters outputs \
     platforms provenance pull push sbom secrets secret-envs secret-files shm-size ssh tags target ulimit \
     repository registry username password tag_with_ref tag_with_sha path dockerfile build_args \
     cache_froms",
    ),
    (
        "docker/login-action",
        "registry username password ecr logout scope registry-auth",
    ),
];

/// What a service of Compose may have, in all versions of the format.
const SERVICE: Names = Names(
    "annotations attach build blkio_config cpu_count cpu_percent cpu_shares cpu_period cpu_quota \
     cpu_rt_runtime cpu_rt_period cpus cpuset cap_add cap_drop cgroup cgroup_parent command configs \
     container_name credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt \
     dns_search dockerfile domainname driver_opts entrypoint env_file environment expose extends \
     external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation labels \
     label_file links log_driver log_opt logging mac_address mem_limit mem_reservation mem_swappiness \
     memswap_limit models net network_mode networks oom_kill_disable oom_score_adj pid pids_limit \
     platform ports post_start pre_start pre_stop privileged profiles provider pull_policy read_only \
     restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal \
     storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volume_driver \
     volumes_from working_dir",
);

/// What a compiler of TypeScript takes, also what it took once.
const COMPILER: Names = Names(
    "allowArbitraryExtensions allowImportingTsExtensions allowJs allowSyntheticDefaultImports \
     allowUmdGlobalAccess allowUnreachableCode allowUnusedLabels alwaysStrict \
     assumeChangesOnlyAffectDirectDependencies baseUrl charset checkJs composite customConditions \
     declaration declarationDir declarationMap diagnostics disableReferencedProjectLoad disableSizeLimit \
     disableSolutionSearching disableSourceOfProjectReferenceRedirect downlevelIteration emitBOM \
     emitDeclarationOnly emitDecoratorMetadata erasableSyntaxOnly esModuleInterop \
     exactOptionalPropertyTypes excludeDirectories excludeFiles experimentalDecorators explainFiles \
     extendedDiagnostics fallbackPolling forceConsistentCasingInFileNames generateCpuProfile \
     generateTrace ignoreDeprecations importHelpers importsNotUsedAsValues incremental inlineSourceMap \
     inlineSources isolatedDeclarations isolatedModules jsx jsxFactory jsxFragmentFactory jsxImportSource \
     keyofStringsOnly lib libReplacement listEmittedFiles listFiles locale mapRoot maxNodeModuleJsDepth \
     module moduleDetection moduleResolution moduleSuffixes newLine noCheck noEmit noEmitHelpers \
     noEmitOnError noErrorTruncation noFallthroughCasesInSwitch noImplicitAny noImplicitOverride \
     noImplicitReturns noImplicitThis noImplicitUseStrict noLib noPropertyAccessFromIndexSignature \
     noResolve noStrictGenericChecks noUncheckedIndexedAccess noUncheckedSideEffectImports noUnusedLocals \
     noUnusedParameters out outDir outFile paths plugins preserveConstEnums preserveSymlinks \
     preserveValueImports preserveWatchOutput pretty reactNamespace removeComments resolveJsonModule \
     resolvePackageJsonExports resolvePackageJsonImports rewriteRelativeImportExtensions rootDir rootDirs \
     skipDefaultLibCheck skipLibCheck sourceMap sourceRoot stableTypeOrdering strict strictBindCallApply \
     strictBuiltinIteratorReturn strictFunctionTypes strictNullChecks strictPropertyInitialization \
     stripInternal suppressExcessPropertyErrors suppressImplicitAnyIndexErrors synchronousWatchDirectory \
     target traceResolution tsBuildInfoFile typeRoots types useDefineForClassFields \
     useUnknownInCatchVariables verbatimModuleSyntax watch watchDirectory watchFile",
);

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let file = file_name(&source.path);
    if source.tree.language() == Language::Settings {
        if file.starts_with("tsconfig") && file.ends_with(".json") {
            compiler(source, reports);
        }
        if file == "pyproject.toml" {
            project_table(source, reports);
        }
        return;
    }
    if source.path.contains(".github/workflows/") || matches!(file, "action.yml" | "action.yaml") {
        actions(source, reports);
    }
    if file.contains("compose") && !source.tree.text().contains("{{") {
        services(source, reports);
    }
}

/// `uses: actions/checkout@v4` with `depth: 0`.
fn actions(source: &Source, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for step in source.of_kind(Kind::Object).iter().copied() {
        let uses = yaml.text_at(step, "uses");
        let action = uses.split('@').next().unwrap_or(uses);
        let Some((_, inputs)) = ACTIONS.iter().find(|(name, _)| *name == action) else {
            continue;
        };
        let Some(with) = yaml.get(step, "with") else {
            continue;
        };
        for (name, pair, _) in yaml.pairs(with) {
            // Names of inputs are the same in capitals and small letters.
            let known = Names(inputs).iter().any(|input| input.eq_ignore_ascii_case(name));
            if !known && is_plain(name) {
                // A later release may have more.
                let tell = if is_of_known_release(action, uses) {
                    Reports::add
                } else {
                    Reports::note
                };
                tell(
                    reports,
                    pair,
                    format!(
                        "`{action}` has no input `{name}`, and passes it over{}",
                        data::hint(name, Names(inputs).iter())
                    ),
                );
            }
        }
    }
}

/// Whether an action is asked for in a release that the lists here are of: `@v4`, `@v4.1.0`.
fn is_of_known_release(action: &str, uses: &str) -> bool {
    let newest = match action {
        "docker/login-action" => 3,
        "actions/cache"
        | "actions/checkout"
        | "actions/setup-java"
        | "actions/setup-node"
        | "actions/upload-artifact" => 4,
        "actions/download-artifact" | "actions/setup-go" | "actions/setup-python" => 5,
        _ => 6,
    };
    uses.split_once("@v")
        .map(|(_, version)| version.split('.').next().unwrap_or(version))
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major <= newest)
}

fn services(source: &Source, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for document in yaml.documents() {
        let Some(services) = yaml.get(document, "services") else {
            continue;
        };
        for (service, _, fields) in yaml.pairs(services) {
            // Of a service that is merged in, another place tells.
            for (name, pair, _) in yaml.pairs(fields) {
                let own = source.tree.parent(pair) == Some(yaml.resolve(fields));
                if own && is_plain(name) && !name.starts_with("x-") && !SERVICE.contains(name) {
                    reports.add(
                        pair,
                        format!(
                            "a service of Compose has no `{name}` (in `{service}`){}",
                            data::hint(name, SERVICE.iter())
                        ),
                    );
                }
            }
            for (part, known) in PARTS_OF_SERVICE {
                let Some(inner) = yaml.get(fields, part) else {
                    continue;
                };
                for (name, pair, _) in yaml.pairs(inner) {
                    let own = source.tree.parent(pair) == Some(yaml.resolve(inner));
                    if own && is_plain(name) && !name.starts_with("x-") && !Names(known).contains(name) {
                        let hint = data::hint(name, Names(known).iter());
                        reports.add(
                            pair,
                            format!(
                                "`{part}` of a service of Compose has no `{name}` (in `{service}`){hint}"
                            ),
                        );
                    }
                }
            }
        }
    }
}

/// Parts of a service that have fields of their own.
const PARTS_OF_SERVICE: &[(&str, &str)] = &[
    (
        "build",
        "additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements extra_hosts isolation \
         labels network no_cache no_cache_filter platforms privileged provenance pull sbom secrets shm_size ssh tags target ulimits",
    ),
    (
        "deploy",
        "endpoint_mode labels mode placement replicas resources restart_policy rollback_config update_config",
    ),
    (
        "healthcheck",
        "disable interval retries start_interval start_period test timeout",
    ),
    ("logging", "driver options"),
];

fn compiler(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    for entry in entries(source) {
        let of = tree
            .parent(entry.node)
            .and_then(|object| tree.parent(object))
            .and_then(|pair| tree.child(pair, Role::Key))
            .map_or("", |key| tree.name(key));
        let top = tree
            .ancestors(entry.node)
            .filter(|id: &NodeId| tree.kind(*id) == Kind::Pair)
            .count()
            == 1;
        if of == "compilerOptions" && top && is_plain(entry.name) && !COMPILER.contains(entry.name) {
            let lower = entry.name.to_ascii_lowercase();
            // Options are known in whatever capitals.
            if !COMPILER.iter().any(|known| known.to_ascii_lowercase() == lower) {
                reports.add(
                    entry.node,
                    format!(
                        "TypeScript has no option `{}`{}",
                        entry.name,
                        data::hint(entry.name, COMPILER.iter())
                    ),
                );
            }
        }
    }
}

/// What `[project]` of `pyproject.toml` may have: whoever installs the project refuses it with anything else.
const PROJECT: Names = Names(
    "name version description readme requires-python license license-files authors maintainers keywords classifiers urls \
     scripts gui-scripts entry-points dependencies optional-dependencies dynamic import-names import-namespaces",
);

fn project_table(source: &Source, reports: &mut Reports) {
    let text = source.tree.text();
    let (mut within, mut deep, mut at) = (false, 0_usize, 0);
    for line in text.split_inclusive('\n') {
        let plain = line.trim();
        if plain.starts_with('[') && deep == 0 {
            within = plain == "[project]";
        } else if within && deep == 0 && !plain.starts_with('#') {
            let name = plain.split_once('=').map_or("", |(name, _)| name.trim());
            if is_plain(name) && !PROJECT.contains(name) && line.starts_with(name) {
                let told = format!(
                    "`[project]` of `pyproject.toml` has no `{name}`{}",
                    data::hint(name, PROJECT.iter())
                );
                reports.at(text, at..at + name.len(), told, false);
            }
        }
        // A list goes on over several lines.
        let opened = plain.matches(['[', '{']).count();
        if within {
            deep = (deep + opened).saturating_sub(plain.matches([']', '}']).count());
        }
        at += line.len();
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
