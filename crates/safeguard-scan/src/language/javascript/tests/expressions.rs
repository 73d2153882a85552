//! Expressions to outlines.

use insta::assert_snapshot;

use super::outline;
use crate::language::Language;

#[test]
fn names_and_literals() {
    assert_snapshot!(outline(Language::JavaScript, r#"a; this; "a\x41\n"; 'b'; 0x1F; 10n; true; null; /a\/[/]b/gi; "";"#), @r#"
    Module
      ExprStmt
        Value: Name "a"
      ExprStmt
        Value: Name "this"
      ExprStmt
        Value: Str "aA\n"
      ExprStmt
        Value: Str "b"
      ExprStmt
        Value: Num "0x1F"
      ExprStmt
        Value: Num "10n"
      ExprStmt
        Value: Bool "true"
      ExprStmt
        Value: Null
      ExprStmt
        Value: Regex "a\\/[/]b/gi"
      ExprStmt
        Value: Str ""
    "#);
}

#[test]
fn an_escaped_name_is_decoded() {
    assert_snapshot!(outline(Language::JavaScript, r#"\u0061b.\u{63};"#), @r#"
    Module
      ExprStmt
        Value: Member "c"
          Object: Name "ab"
    "#);
}

#[test]
fn members_and_calls() {
    assert_snapshot!(outline(Language::JavaScript, "a.b.c(1, ...d)?.[e]?.f?.(g); new A; new a.B(c); a.#p; #p in a;"), @r##"
    Module
      ExprStmt
        Value: Call +optional
          Callee: Member "f" +optional
            Object: Index +optional
              Object: Call
                Callee: Member "c"
                  Object: Member "b"
                    Object: Name "a"
                Arg: Num "1"
                Arg: Spread "..."
                  Value: Name "d"
              Index: Name "e"
          Arg: Name "g"
      ExprStmt
        Value: New
          Callee: Name "A"
      ExprStmt
        Value: New
          Callee: Member "B"
            Object: Name "a"
          Arg: Name "c"
      ExprStmt
        Value: Member "#p"
          Object: Name "a"
      ExprStmt
        Value: Binary "in"
          Left: Name "#p"
          Right: Name "a"
    "##);
}

#[test]
fn what_stands_for_a_name() {
    assert_snapshot!(outline(Language::JavaScript, r#"class A extends B { constructor() { super(); super.c; new.target; } }
import.meta.url; import("x", o);"#), @r#"
    Module
      Class "A"
        Base: Name "B"
        Body: Block
          Function "constructor" +method
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Name "super"
              ExprStmt
                Value: Member "c"
                  Object: Name "super"
              ExprStmt
                Value: Member "target"
                  Object: Name "new"
      ExprStmt
        Value: Member "url"
          Object: Member "meta"
            Object: Name "import"
      ExprStmt
        Value: Call
          Callee: Name "import"
          Arg: Str "x"
          Arg: Name "o"
    "#);
}

#[test]
fn operators() {
    assert_snapshot!(outline(Language::JavaScript, "a + b * c; (a && b || c) ?? d; a === b; a in b; a instanceof b; !a; -a; typeof a; void 0; delete a.b; a ? b : c; (a, b);"), @r#"
    Module
      ExprStmt
        Value: Binary "+"
          Left: Name "a"
          Right: Binary "*"
            Left: Name "b"
            Right: Name "c"
      ExprStmt
        Value: Binary "??"
          Left: Binary "or"
            Left: Binary "and"
              Left: Name "a"
              Right: Name "b"
            Right: Name "c"
          Right: Name "d"
      ExprStmt
        Value: Binary "==="
          Left: Name "a"
          Right: Name "b"
      ExprStmt
        Value: Binary "in"
          Left: Name "a"
          Right: Name "b"
      ExprStmt
        Value: Binary "instanceof"
          Left: Name "a"
          Right: Name "b"
      ExprStmt
        Value: Unary "not"
          Value: Name "a"
      ExprStmt
        Value: Unary "-"
          Value: Name "a"
      ExprStmt
        Value: Unary "typeof"
          Value: Name "a"
      ExprStmt
        Value: Unary "void"
          Value: Num "0"
      ExprStmt
        Value: Unary "delete"
          Value: Member "b"
            Object: Name "a"
      ExprStmt
        Value: Conditional
          Condition: Name "a"
          Value: Name "b"
          Else: Name "c"
      ExprStmt
        Value: Sequence
          Name "a"
          Name "b"
    "#);
}

#[test]
fn assignments() {
    assert_snapshot!(outline(Language::JavaScript, "a = b; a = b.c = d[0] = 1; a += b; a ||= b; i++; --a.i; f(a = 1, i--);"), @r#"
    Module
      Assign "="
        Target: Name "a"
        Value: Name "b"
      Assign "="
        Target: Name "a"
        Target: Member "c"
          Object: Name "b"
        Target: Index
          Object: Name "d"
          Index: Num "0"
        Value: Num "1"
      Assign "+="
        Target: Name "a"
        Value: Name "b"
      Assign "||="
        Target: Name "a"
        Value: Name "b"
      Assign "+=" +step
        Target: Name "i"
        Value: Num "1"
      Assign "-=" +step
        Target: Member "i"
          Object: Name "a"
        Value: Num "1"
      ExprStmt
        Value: Call
          Callee: Name "f"
          Arg: Assign "="
            Target: Name "a"
            Value: Num "1"
          Arg: Assign "-=" +step
            Target: Name "i"
            Value: Num "1"
    "#);
}

#[test]
fn parentheses_leave_nothing_behind() {
    assert_snapshot!(outline(Language::JavaScript, "((a + (b)));
(x) => (y);"), @r#"
    Module
      ExprStmt
        Value: Binary "+"
          Left: Name "a"
          Right: Name "b"
      ExprStmt
        Value: Lambda
          Param: Param "x"
          Body: Name "y"
    "#);
}

#[test]
fn templates() {
    assert_snapshot!(outline(Language::JavaScript, r#"`a\n`; `a${b}c${d}`; `${a}`; tag`x`; a.tag`x${y}\u`;"#), @r#"
    Module
      ExprStmt
        Value: Str "a\n"
      ExprStmt
        Value: Interp
          Str "a"
          Name "b"
          Str "c"
          Name "d"
      ExprStmt
        Value: Interp
          Name "a"
      ExprStmt
        Value: Tagged
          Callee: Name "tag"
          Arg: Str "x"
      ExprStmt
        Value: Tagged
          Callee: Member "tag"
            Object: Name "a"
          Arg: Interp
            Str "x"
            Name "y"
            Str "\\u"
    "#);
}

#[test]
fn lists_and_objects() {
    assert_snapshot!(outline(Language::JavaScript, r#"[a, , ...b]; ({ a, "b-c": 1, 2: d, [e()]: f, ...g, h() {}, async *i() {}, get j() { return 1 }, set j(v) {} });"#), @r#"
    Module
      ExprStmt
        Value: List
          Name "a"
          Other
          Spread "..."
            Value: Name "b"
      ExprStmt
        Value: Object
          Pair
            Key: Str "a"
            Value: Name "a"
          Pair
            Key: Str "b-c"
            Value: Num "1"
          Pair
            Key: Num "2"
            Value: Name "d"
          Pair +computed
            Key: Call
              Callee: Name "e"
            Value: Name "f"
          Spread "..."
            Value: Name "g"
          Pair
            Key: Str "h"
            Value: Lambda +method
              Body: Block
          Pair
            Key: Str "i"
            Value: Lambda +async +generator +method
              Body: Block
          Pair
            Key: Str "j"
            Value: Lambda +method
              Body: Block
                Return
                  Value: Num "1"
          Pair
            Key: Str "j"
            Value: Lambda +method
              Param: Param "v"
              Body: Block
    "#);
}

#[test]
fn functions_as_values() {
    assert_snapshot!(outline(Language::JavaScript, "x => x; async (a, { b, c: [d] } = {}, ...e) => { f }; (function g() {}); (function* () { yield a; yield* b; yield })"), @r#"
    Module
      ExprStmt
        Value: Lambda
          Param: Param "x"
          Body: Name "x"
      ExprStmt
        Value: Lambda +async
          Param: Param "a"
          Param: Param
            Target: Object
              Pair
                Key: Str "b"
                Value: Name "b"
              Pair
                Key: Str "c"
                Value: List
                  Name "d"
            Default: Object
          Param: Param "e" +rest
          Body: Block
            ExprStmt
              Value: Name "f"
      ExprStmt
        Value: Lambda "g"
          Body: Block
      ExprStmt
        Value: Lambda +generator
          Body: Block
            ExprStmt
              Value: Yield "yield"
                Value: Name "a"
            ExprStmt
              Value: Yield "yield from"
                Value: Name "b"
            ExprStmt
              Value: Yield "yield"
    "#);
}

#[test]
fn destructuring() {
    assert_snapshot!(outline(Language::JavaScript, "const { a, b: c = 1, [d]: e, ...f } = g;
let [h, , i = 2, ...j] = k;
[a, b.c] = d;
({ a, b = 1, c: d.e, ...f } = g);"), @r#"
    Module
      Assign "=" +declaration +const
        Target: Object
          Pair
            Key: Str "a"
            Value: Name "a"
          Pair
            Key: Str "b"
            Value: Assign "="
              Target: Name "c"
              Value: Num "1"
          Pair +computed
            Key: Name "d"
            Value: Name "e"
          Spread "..."
            Value: Name "f"
        Value: Name "g"
      Assign "=" +declaration
        Target: List
          Name "h"
          Other
          Assign "="
            Target: Name "i"
            Value: Num "2"
          Spread "..."
            Value: Name "j"
        Value: Name "k"
      Assign "="
        Target: List
          Name "a"
          Member "c"
            Object: Name "b"
        Value: Name "d"
      Assign "="
        Target: Object
          Pair
            Key: Str "a"
            Value: Name "a"
          Pair
            Key: Str "b"
            Value: Assign "="
              Target: Name "b"
              Value: Num "1"
          Pair
            Key: Str "c"
            Value: Member "e"
              Object: Name "d"
          Spread "..."
            Value: Name "f"
        Value: Name "g"
    "#);
}

#[test]
fn awaiting() {
    assert_snapshot!(outline(Language::JavaScript, "await a; async () => await b();"), @r#"
    Module
      ExprStmt
        Value: Await
          Value: Name "a"
      ExprStmt
        Value: Lambda +async
          Body: Await
            Value: Call
              Callee: Name "b"
    "#);
}

#[test]
fn jsx() {
    assert_snapshot!(outline(Language::JavaScript, r#"<a.B c="&lt;d&#38;" e {...f} g={h} i=<j/>>
  k &amp; l
  m {n()} {/* o */} <></>
</a.B>;"#), @r#"
    Module
      ExprStmt
        Value: Jsx "a.B"
          JsxAttribute "c"
            Value: Str "<d&"
          JsxAttribute "e"
          Spread "..."
            Value: Name "f"
          JsxAttribute "g"
            Value: Name "h"
          JsxAttribute "i"
            Value: Jsx "j"
          Element: Str "k & l m"
          Element: Call
            Callee: Name "n"
          Element: Jsx ""
    "#);
}
