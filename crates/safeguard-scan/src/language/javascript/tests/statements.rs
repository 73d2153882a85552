//! Statements to outlines.

use insta::assert_snapshot;

use super::outline;
use crate::language::Language;

#[test]
fn conditions() {
    assert_snapshot!(outline(Language::JavaScript, "if (a) b(); else if (c) { d } else ;"), @r#"
    Module
      If
        Condition: Name "a"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "b"
        Else: If
          Condition: Name "c"
          Body: Block
            ExprStmt
              Value: Name "d"
          Else: Block
    "#);
}

#[test]
fn loops() {
    assert_snapshot!(outline(Language::JavaScript, "for (let i = 0, n = 9; i < n; i++) f(i);
for (i = 0;;) {}
for (;;) break;
while (a) continue;
do a(); while (b);"), @r#"
    Module
      For
        Init: Sequence
          Assign "=" +declaration
            Target: Name "i"
            Value: Num "0"
          Assign "=" +declaration
            Target: Name "n"
            Value: Num "9"
        Condition: Binary "<"
          Left: Name "i"
          Right: Name "n"
        Update: Assign "+=" +step
          Target: Name "i"
          Value: Num "1"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "f"
              Arg: Name "i"
      For
        Init: Assign "="
          Target: Name "i"
          Value: Num "0"
        Body: Block
      For
        Body: Block
          Break
      While
        Condition: Name "a"
        Body: Block
          Continue
      DoWhile
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "a"
        Condition: Name "b"
    "#);
}

#[test]
fn loops_over() {
    assert_snapshot!(outline(Language::JavaScript, "for (const [a, b] of c) d;
for (a.b in c) {}
async () => { for await (let x of y()) z }"), @r#"
    Module
      ForEach "of" +declaration +const
        Target: List
          Name "a"
          Name "b"
        Iter: Name "c"
        Body: Block
          ExprStmt
            Value: Name "d"
      ForEach "in"
        Target: Member "b"
          Object: Name "a"
        Iter: Name "c"
        Body: Block
      ExprStmt
        Value: Lambda +async
          Body: Block
            ForEach "of" +async +declaration
              Target: Name "x"
              Iter: Call
                Callee: Name "y"
              Body: Block
                ExprStmt
                  Value: Name "z"
    "#);
}

#[test]
fn jumps_and_labels() {
    assert_snapshot!(outline(Language::JavaScript, "a: for (;;) { continue a; break a }
function f() { return; return b }
throw new E();"), @r#"
    Module
      Labelled "a"
        Body: Block
          For
            Body: Block
              Continue "a"
              Break "a"
      Function "f"
        Body: Block
          Return
          Return
            Value: Name "b"
      Raise
        Value: New
          Callee: Name "E"
    "#);
}

#[test]
fn switches() {
    assert_snapshot!(outline(Language::JavaScript, r#"switch (a) { case 1: case "b": f(); break; default: g() }"#), @r#"
    Module
      Switch
        Subject: Name "a"
        Case
          Test: Num "1"
          Body: Block
        Case
          Test: Str "b"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Name "f"
            Break
        Case
          Body: Block
            ExprStmt
              Value: Call
                Callee: Name "g"
    "#);
}

#[test]
fn exceptions() {
    assert_snapshot!(outline(Language::JavaScript, "try { a } catch (e) { b } finally { c }
try { a } catch { b }
try { a } catch ({ code }) { b }"), @r#"
    Module
      Try
        Body: Block
          ExprStmt
            Value: Name "a"
        Handler: Catch "e"
          Body: Block
            ExprStmt
              Value: Name "b"
        Finally: Block
          ExprStmt
            Value: Name "c"
      Try
        Body: Block
          ExprStmt
            Value: Name "a"
        Handler: Catch
          Body: Block
            ExprStmt
              Value: Name "b"
      Try
        Body: Block
          ExprStmt
            Value: Name "a"
        Handler: Catch
          Target: Object
            Pair
              Key: Str "code"
              Value: Name "code"
          Body: Block
            ExprStmt
              Value: Name "b"
    "#);
}

#[test]
fn declarations() {
    assert_snapshot!(outline(Language::JavaScript, "var a, b = 1; let c; const d = e = 2; using f = g(); await using h = i();"), @r#"
    Module
      Assign "=" +declaration
        Target: Name "a"
      Assign "=" +declaration
        Target: Name "b"
        Value: Num "1"
      Assign "=" +declaration
        Target: Name "c"
      Assign "=" +declaration +const
        Target: Name "d"
        Value: Assign "="
          Target: Name "e"
          Value: Num "2"
      Assign "=" +declaration +const
        Target: Name "f"
        Value: Call
          Callee: Name "g"
      Assign "=" +async +declaration +const
        Target: Name "h"
        Value: Call
          Callee: Name "i"
    "#);
}

#[test]
fn directives_are_statements() {
    assert_snapshot!(outline(Language::JavaScript, r#"#!/usr/bin/env node
"use strict"; debugger; ; { a }"#), @r#"
    Module
      ExprStmt
        Value: Str "use strict"
      Other
      Block
        ExprStmt
          Value: Name "a"
    "#);
}

#[test]
fn with_is_of_scripts() {
    assert_snapshot!(outline(Language::JavaScript, "with (a) b = c;"), @r#"
    Module
      With
        WithItem
          Value: Name "a"
        Body: Block
          Assign "="
            Target: Name "b"
            Value: Name "c"
    "#);
}

#[test]
fn functions() {
    assert_snapshot!(outline(Language::JavaScript, r#"function a(b, c = 1) { "use strict"; return b }
async function* d() {}"#), @r#"
    Module
      Function "a"
        Param: Param "b"
        Param: Param "c"
          Default: Num "1"
        Body: Block
          ExprStmt
            Value: Str "use strict"
          Return
            Value: Name "b"
      Function "d" +async +generator
        Body: Block
    "#);
}

#[test]
fn classes() {
    assert_snapshot!(outline(Language::JavaScript, r#"@a @b.c() class A extends f(B) { #p = 1; static q; "r s" = 2; [t] = 3; static { u() }
  constructor(a) { super(a) }
  static async v() {}
  get #w() { return this.#p }
  @d *[Symbol.iterator]() {}
  accessor x = 1; }
let y = class Z {};"#), @r##"
    Module
      Class "A"
        Decorator: Decorator
          Value: Name "a"
        Decorator: Decorator
          Value: Call
            Callee: Member "c"
              Object: Name "b"
        Base: Call
          Callee: Name "f"
          Arg: Name "B"
        Body: Block
          Field "#p"
            Value: Num "1"
          Field "q" +static
          Field "r s"
            Value: Num "2"
          Field "t" +computed
            Key: Name "t"
            Value: Num "3"
          Block +static
            ExprStmt
              Value: Call
                Callee: Name "u"
          Function "constructor" +method
            Param: Param "a"
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Name "super"
                  Arg: Name "a"
          Function "v" +async +static
            Body: Block
          Function "#w" +method
            Body: Block
              Return
                Value: Member "#p"
                  Object: Name "this"
          Function "Symbol.iterator" +generator +computed +method
            Decorator: Decorator
              Value: Name "d"
            Key: Member "iterator"
              Object: Name "Symbol"
            Body: Block
          Field "x"
            Value: Num "1"
      Assign "=" +declaration
        Target: Name "y"
        Value: Class "Z"
          Body: Block
    "##);
}

#[test]
fn imports() {
    assert_snapshot!(outline(Language::JavaScript, r#"import "a"; import b, { c, default as d, "e f" as g } from "./b"; import * as h from "node:fs"; import i from "./i.json" with { type: "json" };"#), @r#"
    Module
      Import "a"
      Import "./b"
        ImportItem "default"
          Target: Name "b"
        ImportItem "c"
          Target: Name "c"
        ImportItem "default"
          Target: Name "d"
        ImportItem "e f"
          Target: Name "g"
      Import "node:fs"
        ImportItem "*"
          Target: Name "h"
      Import "./i.json"
        ImportItem "default"
          Target: Name "i"
        Value: Object
          Pair
            Key: Str "type"
            Value: Str "json"
    "#);
}

#[test]
fn exports() {
    assert_snapshot!(outline(Language::JavaScript, r#"export * from "a"; export * as b from "b"; export { c as d } from "c";
let x, y; export { x as z, y };
export const e = 1, f = 2; export function g() {} export class H {} export default function () {}"#), @r#"
    Module
      Import "a" +exported
        ImportItem "*"
      Import "b" +exported
        ImportItem "*"
          Target: Name "b"
      Import "c" +exported
        ImportItem "c"
          Target: Name "d"
      Assign "=" +declaration
        Target: Name "x"
      Assign "=" +declaration
        Target: Name "y"
      Other +exported
        Pair
          Value: Name "x"
          Key: Str "z"
        Pair
          Value: Name "y"
          Key: Str "y"
      Assign "=" +declaration +const +exported
        Target: Name "e"
        Value: Num "1"
      Assign "=" +declaration +const +exported
        Target: Name "f"
        Value: Num "2"
      Function "g" +exported
        Body: Block
      Class "H" +exported
        Body: Block
      Function +exported
        Body: Block
    "#);
}

#[test]
fn default_exports() {
    assert_snapshot!(outline(Language::JavaScript, "export default { a };"), @r#"
    Module
      ExprStmt +exported
        Value: Object
          Pair
            Key: Str "a"
            Value: Name "a"
    "#);
    assert_snapshot!(outline(Language::JavaScript, "export default class {}"), @"
    Module
      Class +exported
        Body: Block
    ");
    assert_snapshot!(outline(Language::JavaScript, "export default () => a;"), @r#"
    Module
      ExprStmt +exported
        Value: Lambda
          Body: Name "a"
    "#);
}

#[test]
fn a_required_module_is_an_assignment() {
    assert_snapshot!(outline(Language::JavaScript, r#"const { a } = require("b");"#), @r#"
    Module
      Assign "=" +declaration +const
        Target: Object
          Pair
            Key: Str "a"
            Value: Name "a"
        Value: Call
          Callee: Name "require"
          Arg: Str "b"
    "#);
}
