//! Java: members that classes of its standard library do not have, and classes that its packages do not have.

pub mod own;

use std::cell::RefCell;
use std::collections::HashMap;

use safeguard_api::evidence::Severity;

use super::data::{self, JAVA_GIVES, JAVA_MEMBERS};
use crate::analysis::outside::{parameter, type_of};
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, stem};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unknown-member",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: &[Language::Java],
    run,
};

/// How many calls of a chain are followed.
const CHAIN_MAX: usize = 40;

/// Packages of frameworks whose classes have been the same for years.
const OTHERS: &[(&str, &str)] = &[
    (
        "org.springframework.web.bind.annotation",
        "BindParam ControllerAdvice CookieValue CrossOrigin DeleteMapping ExceptionHandler GetMapping InitBinder Mapping \
         MatrixVariable ModelAttribute PatchMapping PathVariable PostMapping PutMapping RequestAttribute RequestBody \
         RequestHeader RequestMapping RequestMethod RequestParam RequestPart ResponseBody ResponseStatus RestController \
         RestControllerAdvice SessionAttribute SessionAttributes ValueConstants",
    ),
    (
        "org.springframework.stereotype",
        "Component Controller Indexed Repository Service",
    ),
    (
        "org.springframework.beans.factory.annotation",
        "Autowired AutowiredAnnotationBeanPostProcessor AnnotatedBeanDefinition AnnotatedGenericBeanDefinition \
         AnnotationBeanWiringInfoResolver Autowire BeanFactoryAnnotationUtils Configurable CustomAutowireConfigurer \
         InitDestroyAnnotationBeanPostProcessor InjectionMetadata Lookup ParameterResolutionDelegate Qualifier \
         QualifierAnnotationAutowireCandidateResolver Required RequiredAnnotationBeanPostProcessor Value",
    ),
    (
        "jakarta.validation.constraints",
        "AssertFalse AssertTrue DecimalMax DecimalMin Digits Email Future FutureOrPresent Max Min Negative NegativeOrZero \
         NotBlank NotEmpty NotNull Null Past PastOrPresent Pattern Positive PositiveOrZero Size",
    ),
    (
        "javax.validation.constraints",
        "AssertFalse AssertTrue DecimalMax DecimalMin Digits Email Future FutureOrPresent Max Min Negative NegativeOrZero \
         NotBlank NotEmpty NotNull Null Past PastOrPresent Pattern Positive PositiveOrZero Size",
    ),
    (
        "org.junit.jupiter.api",
        "AfterAll AfterEach AssertionFailureBuilder Assertions Assumptions AutoClose BeforeAll BeforeEach ClassDescriptor \
         ClassOrderer ClassOrdererContext ClassTemplate Disabled DisplayName DisplayNameGeneration DisplayNameGenerator \
         DynamicContainer DynamicNode DynamicTest IndicativeSentencesGeneration MediaType MethodDescriptor MethodOrderer \
         MethodOrdererContext Named NamedExecutable Nested Order RepeatedTest RepetitionInfo Tag Tags Test TestClassOrder \
         TestFactory TestInfo TestInstance TestMethodOrder TestReporter TestTemplate Timeout DefaultLocale",
    ),
];

/// What only older releases had.
const GONE: &[&str] = &[
    "Compiler",
    "runFinalizersOnExit",
    "destroy",
    "countStackFrames",
    "checkAwtEventQueueAccess",
    "checkMemberAccess",
    "checkSystemClipboardAccess",
    "checkTopLevelWindow",
    "traceInstructions",
    "traceMethodCalls",
    "getLocalizedInputStream",
    "getLocalizedOutputStream",
    "lastNonNullable",
    "suspend",
    "resume",
    "stop",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let file = File::of(source, project);
    file.imports(reports);
    for member in source.of_kind(Kind::Member) {
        file.member(*member, reports);
    }
}

struct File<'f> {
    source: &'f Source,
    project: &'f Project,
    /// What classes are meant by their names here, once they were asked for.
    classes: RefCell<HashMap<String, Option<String>>>,
}

impl<'f> File<'f> {
    fn of(source: &'f Source, project: &'f Project) -> File<'f> {
        File {
            source,
            project,
            classes: RefCell::default(),
        }
    }

    fn tree(&self) -> &'f Tree {
        &self.source.tree
    }

    /// `import java.util.Lists;`
    fn imports(&self, reports: &mut Reports) {
        let tree = self.tree();
        for item in self.source.of_kind(Kind::ImportItem) {
            let Some(package) = tree.parent(*item).map(|import| tree.name(import)) else {
                continue;
            };
            let name = tree.name(*item);
            let classes = match OTHERS.iter().find(|(other, _)| *other == package) {
                Some((_, names)) => Some(data::Names(names)),
                None => JAVA_MEMBERS.get(package),
            };
            let Some(classes) = classes else {
                continue;
            };
            // A class may be imported from as well: `import static java.lang.Math.max`.
            if name == "*" || GONE.contains(&name) || of_all(name) || classes.contains(name) {
                continue;
            }
            reports.add(
                *item,
                format!("`{package}` has no `{name}`{}", data::hint(name, classes.iter())),
            );
        }
    }

    fn member(&self, member: NodeId, reports: &mut Reports) {
        let tree = self.tree();
        let name = tree.name(member);
        let Some(object) = tree.child(member, Role::Object) else {
            return;
        };
        if name.is_empty()
            || name == "class"
            || name == "this"
            || name == "super"
            || GONE.contains(&name)
            || of_all(name)
        {
            return;
        }
        let Some(class) = self.class_of(object, CHAIN_MAX) else {
            return;
        };
        let Some(members) = JAVA_MEMBERS.get(&class).filter(|members| !members.contains(name)) else {
            return;
        };
        let shown = class.rsplit('.').next().unwrap_or(&class);
        reports.add(
            member,
            format!(
                "Java's `{shown}` has no `{name}`{}",
                data::hint(name, members.iter())
            ),
        );
    }

    /// The class of the standard library that a value is of, or that a name means.
    fn class_of(&self, id: NodeId, left: usize) -> Option<String> {
        let tree = self.tree();
        match tree.kind(id) {
            Kind::Str => Some("java.lang.String".to_owned()),
            Kind::Name => {
                let name = tree.name(id);
                if let Some(written) = self.declared(id) {
                    if written == "var" {
                        return self.set_as_var(id, left);
                    }
                    return self.named(&written);
                }
                let is_type = name.starts_with(|char: char| char.is_ascii_uppercase())
                    && name.chars().any(|char| char.is_ascii_lowercase())
                    && !self.source.names.is_bound(tree, id, name);
                is_type.then(|| self.named(name))?
            }
            Kind::Member => {
                let object = tree.child(id, Role::Object)?;
                (tree.kind(object) == Kind::Name && tree.name(object) == "this")
                    .then(|| self.named(declared_type(self.source, id)?))?
            }
            Kind::New => {
                let class = tree.child(id, Role::Callee)?;
                // What is written in it may have more.
                (tree.child(id, Role::Body).is_none()).then(|| self.named(tree.name(class)))?
            }
            Kind::Call => {
                let callee = tree
                    .child(id, Role::Callee)
                    .filter(|callee| tree.kind(*callee) == Kind::Member)?;
                let object = tree.child(callee, Role::Object)?;
                let class = self.class_of(object, left.checked_sub(1)?)?;
                let method = tree.name(callee);
                let gives = JAVA_GIVES.get(&class)?;
                gives
                    .iter()
                    .find_map(|one| one.split_once('=').filter(|(name, _)| *name == method))
                    .map(|(_, of)| of.to_owned())
            }
            _ => None,
        }
    }

    /// The type that a variable is declared with, if the name is one.
    fn declared(&self, name: NodeId) -> Option<String> {
        let tree = self.tree();
        let written = tree.name(name);
        let binder = self.source.names.binder(tree, name, written);
        if let Some(param) = parameter(tree, name) {
            let of = type_of(tree, param);
            // `String... names` is an array.
            let plain = !tree.flags(param).has(Flags::REST) && !of.is_empty();
            return Some(if plain { of.to_owned() } else { "[]".to_owned() });
        }
        // What a pattern or a handler binds is none of the declarations that are looked at.
        let bound_otherwise = self
            .source
            .of_kind(Kind::Catch)
            .iter()
            .any(|id| tree.name(*id) == written)
            || tree.text().contains("instanceof") && self.binds_by_pattern(written);
        if bound_otherwise {
            return Some("[]".to_owned());
        }
        match declared_type(self.source, name) {
            Some(of) => Some(of.to_owned()),
            None => binder.map(|_| "var".to_owned()),
        }
    }

    /// `x instanceof String name`, `case String name ->`, `record(String name)`
    fn binds_by_pattern(&self, name: &str) -> bool {
        let text = self.tree().text();
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].trim_end();
            let line = before.rsplit(['\n', ';', '{', '}']).next().unwrap_or("");
            line.contains("instanceof ") || line.trim_start().starts_with("case ")
        })
    }

    /// `var names = new ArrayList<String>()`
    fn set_as_var(&self, name: NodeId, left: usize) -> Option<String> {
        let tree = self.tree();
        let function = crate::names::functions_around(tree, name).next()?;
        let mut sets = self.source.of_kind(Kind::Assign).iter().copied().filter(|set| {
            tree.within(*set, function)
                && tree.flags(*set).has(Flags::DECLARATION)
                && tree
                    .child(*set, Role::Target)
                    .is_some_and(|target| tree.name(target) == tree.name(name))
        });
        let (Some(set), None) = (sets.next(), sets.next()) else {
            return None;
        };
        self.class_of(tree.child(set, Role::Value)?, left.checked_sub(1)?)
    }

    /// The class of the standard library that a type as written means here.
    fn named(&self, written: &str) -> Option<String> {
        if written.contains('[') {
            return None;
        }
        let plain = written.split('<').next().unwrap_or(written).trim();
        let (first, rest) = match plain.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (plain, None),
        };
        if first.starts_with(|char: char| char.is_ascii_lowercase()) {
            return JAVA_MEMBERS.get(plain).map(|_| plain.to_owned());
        }
        let known = self.classes.borrow().get(first).cloned();
        let named = known.unwrap_or_else(|| {
            let named = self.class_named(first);
            self.classes.borrow_mut().insert(first.to_owned(), named.clone());
            named
        });
        let first = named?;
        let whole = match rest {
            Some(rest) => format!("{first}.{rest}"),
            None => first,
        };
        JAVA_MEMBERS.get(&whole).map(|_| whole)
    }

    fn class_named(&self, name: &str) -> Option<String> {
        let tree = self.tree();
        if self
            .source
            .of_kind(Kind::Class)
            .iter()
            .any(|class| tree.name(*class) == name)
        {
            return None;
        }
        let mut all = Vec::new();
        for item in self.source.of_kind(Kind::ImportItem) {
            let package = tree.name(tree.parent(*item)?);
            match tree.name(*item) {
                "*" => all.push(package),
                item if item == name => {
                    // Another class of that name may be meant, written with its package.
                    let other = tree
                        .text()
                        .match_indices(&format!(".{name} "))
                        .any(|(at, _)| !tree.text()[..at].ends_with(package));
                    return (!other).then(|| format!("{package}.{name}"));
                }
                _ => {}
            }
        }
        // A class of one's own package comes before those that are imported all at once; a base class may bring one too.
        let own = self
            .project
            .files()
            .any(|path| path.ends_with(".java") && stem(path) == name)
            || tree.text().contains(&format!("<{name}>(")) && name.len() == 1;
        // `Point2D.Double` is none of `java.lang`, whatever it is shortened to.
        let of_another = tree.text().match_indices(&format!(".{name}")).any(|(at, found)| {
            let before = tree.text()[..at]
                .rsplit(|char: char| !char.is_alphanumeric())
                .next();
            let ends = !tree.text()[at + found.len()..]
                .starts_with(|char: char| char.is_alphanumeric() || char == '_');
            ends && before.is_some_and(|class| class.starts_with(|first: char| first.is_ascii_uppercase()))
        });
        if own || of_another || !self.project.is_known() && !all.is_empty() {
            return None;
        }
        let mut found = std::iter::once("java.lang")
            .chain(all)
            .map(|package| format!("{package}.{name}"))
            .filter(|whole| JAVA_MEMBERS.get(whole).is_some());
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// What every object, array or enumeration has.
pub(super) fn of_all(name: &str) -> bool {
    JAVA_MEMBERS
        .get("java.lang.Object")
        .is_some_and(|members| members.contains(name))
        || name == "length"
}
