//! What a node is, what it is to its parent, and what else is said of it.

/// What a node is. The comment names its children, each by its [`Role`]; `*` is any number, `?` at most one; `name` is [`Tree::name`](super::Tree::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    // Structure
    /// Item* (statements)
    Module,
    /// Item* (statements). A body is always a block, also where it has no braces.
    Block,

    // Definitions
    /// name; Decorator*, Param*, Type? (of the result), Body. Also methods, getters and setters. Go: the receiver is a Param with role Receiver.
    Function,
    /// Param*, Type?, Body (a block, or an expression). Arrow functions and function expressions; name if it has one.
    Lambda,
    /// name; Decorator*, Param* (of Java's records), Base* (expressions; Python's keywords as `Keyword`), Body (a block). Go: a struct, Body with `Field`s.
    /// TypeScript's interfaces and enums too, with flag `TYPE_ONLY`.
    Class,
    /// A field of a class or struct: name; Decorator*, Type?, Value?
    Field,
    /// name; Decorator*, Type?, Default?, Target? (when it is taken apart: `List` or `Object`). Flags `REST`, `KEYWORD_REST`, `OPTIONAL`.
    Param,
    /// Value (an expression)
    Decorator,

    // Statements
    /// Value (an expression)
    ExprStmt,
    /// name: operator (`=`, `:=`, `+=` …); Target+, Type?, Value?. Also declarations (flag `DECLARATION`, and `CONST` for `const` of JavaScript and Go, `final` of Java),
    /// one node a declarator; Java's fields too, with Decorator*. `a = b = 1` has two targets. `a, b = f()` has one, a `Tuple`. `i++` is `+=` with the number 1 (flag `STEP`).
    Assign,
    /// Value?
    Return,
    /// Value?, Cause? (Python's `from`)
    Raise,
    /// Init?, Condition, Body, Else? (a block, or an `If`)
    If,
    /// Condition, Body, Else?
    While,
    /// Body, Condition
    DoWhile,
    /// Init*, Condition?, Update*, Body: loops of three parts, and Go's `for` of one or none
    For,
    /// name: `in`, `of` or `range`; Type? (Java), Target*, Iter, Body, Else?. Flag `ASYNC`.
    ForEach,
    /// Body, Handler* (`Catch`), Else?, Finally?
    Try,
    /// name: of the variable, if any; Type* (expressions), Body
    Catch,
    /// Item+ (`WithItem`), Body. Flag `ASYNC`. Java: `try (…)`, and with the name `synchronized` what runs under a lock.
    With,
    /// Value, Target?, Type?
    WithItem,
    /// Init?, Subject?, Item* (`Case`). Python's `match` as well; Go's type switches have `name` `type`.
    Switch,
    /// Test* (expressions; Python's patterns as `Type` with their text), Condition? (Python's guard), Body. The default has no Test.
    Case,
    /// Go's `select`: Item* (`Case`, whose Test is a statement)
    Select,
    /// name: label
    Break,
    /// name: label
    Continue,
    /// name: label; Body
    Labelled,
    Pass,
    /// Condition, Value?
    Assert,
    /// Python's `del`: Target+
    Delete,
    /// name: `global` or `nonlocal`; Item+ (`Name`)
    Global,
    /// Go's `go`: Value
    Go,
    /// Go's `defer`: Value
    Defer,
    /// Go's `a <- b`: Left, Right
    Send,
    /// name: the module as written, decoded (`a.b`, `..c`, `node:fs`, `os/exec`); Item* (`ImportItem`). Flags `TYPE_ONLY`, `EXPORTED` (`export … from`).
    Import,
    /// name: what is imported: a name, `default`, `*` (all names), or empty (the module itself); Target? (`Name`: what it is called here; left out for Python's `*`)
    ImportItem,

    // SQL and infrastructure
    /// SQL: name: the statement's tokens, a space between; Body? (a block)
    Statement,
    /// A block of HCL, an instruction of a Dockerfile: name; Arg* (labels, words, `Keyword`), Body? (a block)
    Section,

    // Expressions
    /// name
    Name,
    /// name: of the member; Object. Flag `OPTIONAL` (`?.`). `#private` keeps its `#`.
    Member,
    /// Object, Index+ (expressions, or one `Slice`). Flag `OPTIONAL`.
    Index,
    /// Lower?, Upper?, Step?
    Slice,
    /// Callee, Arg* (expressions, `Keyword`, `Spread`). Flag `OPTIONAL`.
    Call,
    /// `new`: Callee, Arg*, Body? (a `Class`: Java's anonymous one)
    New,
    /// name; Value: an argument by name
    Keyword,
    /// name: `*`, `**` or `...`; Value
    Spread,
    /// name: the decoded value (pieces that are joined in the source are one). Flag `BYTES`. Also key names of objects and struct literals.
    Str,
    /// A string with expressions in it: Item* (`Str` and expressions)
    Interp,
    /// A tagged template: Callee, Arg (`Str` or `Interp`)
    Tagged,
    /// name: the pattern without its slashes; the flags follow after the last slash
    Regex,
    /// name: as written
    Num,
    /// name: `true` or `false`
    Bool,
    /// `None`, `null`, `nil`
    Null,
    /// Item*
    List,
    /// Item*
    Tuple,
    /// Item*
    Set,
    /// Item* (`Pair`, `Spread`); Python's dict, JavaScript's object, also as a target
    Object,
    /// Key, Value, Body? (the script that the value is). Flag `COMPUTED` if the key is an expression in brackets.
    Pair,
    /// Go's `T{…}`: name: the type's text; Type?, Item* (`Pair` or expressions)
    Composite,
    /// name: operator; Value. `not` also for `!`; JavaScript's `typeof`, `void`, `delete`; Go's `&`, `*`, `<-`.
    Unary,
    /// name: operator; Left, Right. `and`, `or` also for `&&`, `||`. Comparisons too: `==`, `===`, `in`, `not in`, `is`, `is not`, `instanceof`.
    Binary,
    /// Python's `a < b < c`: name: operators, a space between; Item+
    Compare,
    /// Condition, Value, Else
    Conditional,
    /// Value
    Await,
    /// name: `yield` or `yield from`; Value?
    Yield,
    /// name: `list`, `set`, `dict` or `generator`; Element (an expression, or a `Pair`), Item+ (`Clause`)
    Comprehension,
    /// Target, Iter, Condition*. Flag `ASYNC`.
    Clause,
    /// TypeScript's `as` and `satisfies`, Go's `x.(T)`: Value, Type
    Cast,
    /// JavaScript's `a, b`: Item+
    Sequence,
    /// name: the type as written, without white space; no children
    Type,
    /// name: of the element, as written; Item* (`JsxAttribute`, `Spread`), Element* (children: `Jsx`, `Str`, expressions)
    Jsx,
    /// name; Value?
    JsxAttribute,
    /// A construct that no analysis looks at: Item* (what lies in it)
    Other,

    // Only in the patterns of rules
    /// `...`
    Ellipsis,
    /// name: of the metavariable, without `$`
    Metavariable,
    /// `$...X`: name
    Metavariables,
    /// `<... x ...>`: Value
    Deep,
}

impl Kind {
    /// Whether it has a value.
    pub fn is_expression(self) -> bool {
        matches!(
            self,
            Kind::Name
                | Kind::Member
                | Kind::Index
                | Kind::Call
                | Kind::New
                | Kind::Str
                | Kind::Interp
                | Kind::Tagged
                | Kind::Regex
                | Kind::Num
                | Kind::Bool
                | Kind::Null
                | Kind::List
                | Kind::Tuple
                | Kind::Set
                | Kind::Object
                | Kind::Composite
                | Kind::Unary
                | Kind::Binary
                | Kind::Compare
                | Kind::Conditional
                | Kind::Await
                | Kind::Yield
                | Kind::Comprehension
                | Kind::Cast
                | Kind::Sequence
                | Kind::Lambda
                | Kind::Jsx
        )
    }
}

/// What a child is to its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    Item,
    Arg,
    Base,
    Body,
    Callee,
    Cause,
    Condition,
    Decorator,
    Default,
    Element,
    Else,
    Finally,
    Handler,
    Index,
    Init,
    Iter,
    Key,
    Left,
    Lower,
    Object,
    Param,
    Receiver,
    Right,
    Step,
    Subject,
    Target,
    Test,
    Type,
    Update,
    Upper,
    Value,
}

/// What else is said of a node; a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    pub const NONE: Flags = Flags(0);
    pub const ASYNC: Flags = Flags(1);
    pub const GENERATOR: Flags = Flags(1 << 1);
    pub const DECLARATION: Flags = Flags(1 << 2);
    pub const CONST: Flags = Flags(1 << 3);
    pub const OPTIONAL: Flags = Flags(1 << 4);
    pub const REST: Flags = Flags(1 << 5);
    pub const KEYWORD_REST: Flags = Flags(1 << 6);
    pub const COMPUTED: Flags = Flags(1 << 7);
    pub const EXPORTED: Flags = Flags(1 << 8);
    pub const TYPE_ONLY: Flags = Flags(1 << 9);
    pub const BYTES: Flags = Flags(1 << 10);
    /// A step of one: `i++`.
    pub const STEP: Flags = Flags(1 << 11);
    /// A function that is called with an object: a method, not static.
    pub const METHOD: Flags = Flags(1 << 12);
    pub const STATIC: Flags = Flags(1 << 13);

    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// `self` if the condition holds.
    #[must_use]
    pub fn when(self, holds: bool) -> Flags {
        if holds { self } else { Flags::NONE }
    }
}

impl Flags {
    pub(super) fn outline(self) -> String {
        const NAMES: &[(Flags, &str)] = &[
            (Flags::ASYNC, "async"),
            (Flags::GENERATOR, "generator"),
            (Flags::DECLARATION, "declaration"),
            (Flags::CONST, "const"),
            (Flags::OPTIONAL, "optional"),
            (Flags::REST, "rest"),
            (Flags::KEYWORD_REST, "keyword-rest"),
            (Flags::COMPUTED, "computed"),
            (Flags::EXPORTED, "exported"),
            (Flags::TYPE_ONLY, "type-only"),
            (Flags::BYTES, "bytes"),
            (Flags::STEP, "step"),
            (Flags::METHOD, "method"),
            (Flags::STATIC, "static"),
        ];
        NAMES
            .iter()
            .filter(|(flag, _)| self.has(*flag))
            .map(|(_, name)| format!(" +{name}"))
            .collect()
    }
}
