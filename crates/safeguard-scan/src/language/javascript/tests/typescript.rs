//! TypeScript to outlines.

use insta::assert_snapshot;

use super::outline;
use crate::language::Language;

#[test]
fn types_are_leaves() {
    assert_snapshot!(outline(Language::TypeScript, "let a: Map<string, { b: number }> | undefined = c as unknown as T;
const d = <any>e, f = g!, h = i satisfies J, k = l<M>, n = [] as const;"), @r#"
    Module
      Assign "=" +declaration
        Target: Name "a"
        Type: Type "Map<string,{b:number}>|undefined"
        Value: Cast
          Value: Cast
            Value: Name "c"
            Type: Type "unknown"
          Type: Type "T"
      Assign "=" +declaration +const
        Target: Name "d"
        Value: Cast
          Type: Type "any"
          Value: Name "e"
      Assign "=" +declaration +const
        Target: Name "f"
        Value: Name "g"
      Assign "=" +declaration +const
        Target: Name "h"
        Value: Cast
          Value: Name "i"
          Type: Type "J"
      Assign "=" +declaration +const
        Target: Name "k"
        Value: Name "l"
      Assign "=" +declaration +const
        Target: Name "n"
        Value: Cast
          Value: List
          Type: Type "const"
    "#);
}

#[test]
fn functions() {
    assert_snapshot!(outline(Language::TypeScript, "function a(this: T, b?: string, c: number = 1, ...d: E[]): asserts b is F;
function a() {}
declare function g(): void;"), @r#"
    Module
      Function "a"
        Param: Param "this"
          Type: Type "T"
        Param: Param "b" +optional
          Type: Type "string"
        Param: Param "c"
          Type: Type "number"
          Default: Num "1"
        Param: Param "d" +rest
          Type: Type "E[]"
        Type: Type "assertsbisF"
      Function "a"
        Body: Block
      Function "g" +type-only
        Type: Type "void"
    "#);
}

#[test]
fn classes() {
    assert_snapshot!(outline(Language::TypeScript, "declare class A<T> extends B<T> implements C<T>, D {
  constructor(private readonly a: T, @f() public b?: string);
  static readonly c: string;
  declare d: T;
  f?: T;
  [key: string]: unknown;
}
abstract class G { abstract h(): void; abstract i: string; private j() {} e!: T; constructor(private readonly k: T, public l?: string) { super() } }"), @r#"
    Module
      Class "A" +type-only
        Base: Name "B"
        Base: Type "C<T>"
        Base: Type "D"
        Body: Block
          Function "constructor" +method
            Param: Param "a"
              Type: Type "T"
            Param: Param "b" +optional
              Decorator: Decorator
                Value: Call
                  Callee: Name "f"
              Type: Type "string"
          Field "c" +static
            Type: Type "string"
          Field "d" +type-only
            Type: Type "T"
          Field "f" +optional
            Type: Type "T"
          Other +type-only
            Type "unknown"
      Class "G"
        Body: Block
          Function "h" +method
            Type: Type "void"
          Field "i" +type-only
            Type: Type "string"
          Function "j" +method
            Body: Block
          Field "e"
            Type: Type "T"
          Function "constructor" +method
            Param: Param "k"
              Type: Type "T"
            Param: Param "l" +optional
              Type: Type "string"
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Name "super"
    "#);
}

#[test]
fn interfaces() {
    assert_snapshot!(outline(Language::TypeScript, "interface A<T> extends B<T>, C.D {
  a: T; readonly b?: string; c(d: T): void; (e: string): T; new (f: T): A<T>; [g: string]: T; get h(): T;
}"), @r#"
    Module
      Class "A" +type-only
        Base: Type "B<T>"
        Base: Type "C.D"
        Body: Block
          Field "a"
            Type: Type "T"
          Field "b" +optional
            Type: Type "string"
          Function "c" +method
            Param: Param "d"
              Type: Type "T"
            Type: Type "void"
          Function
            Param: Param "e"
              Type: Type "string"
            Type: Type "T"
          Function "new"
            Param: Param "f"
              Type: Type "T"
            Type: Type "A<T>"
          Other +type-only
            Type "T"
          Function "h" +method
            Type: Type "T"
    "#);
}

#[test]
fn enums_and_aliases() {
    assert_snapshot!(outline(Language::TypeScript, r#"enum A { B, C = 1 << 2, "D E" = f() }
declare const enum G { H }
type I<T> = { [K in keyof T]?: T[K] };"#), @r#"
    Module
      Class "A" +type-only
        Body: Block
          Field "B"
          Field "C"
            Value: Binary "<<"
              Left: Num "1"
              Right: Num "2"
          Field "D E"
            Value: Call
              Callee: Name "f"
      Class "G" +type-only
        Body: Block
          Field "H"
      Other +type-only
        Type "{[KinkeyofT]?:T[K]}"
    "#);
}

#[test]
fn namespaces() {
    assert_snapshot!(outline(Language::TypeScript, r#"namespace A.B { export const c = 1 }
declare module "d" { export function e(): void }
declare global { interface Window { f: string } }
declare module "*.css";"#), @r#"
    Module
      Other
        Other
          Block
            Assign "=" +declaration +const +exported
              Target: Name "c"
              Value: Num "1"
      Other +type-only
        Block
          Function "e" +exported
            Type: Type "void"
      Other +type-only
        Block
          Class "Window" +type-only
            Body: Block
              Field "f"
                Type: Type "string"
      Other +type-only
    "#);
}

#[test]
fn imports() {
    assert_snapshot!(outline(Language::TypeScript, r#"import type { A } from "a"; import { type B, c } from "b"; import d = require("d"); import e = f.g.h; export type { I } from "i"; export import j = k;
export { type B as L };"#), @r#"
    Module
      Import "a" +type-only
        ImportItem "A"
          Target: Name "A"
      Import "b"
        ImportItem "B" +type-only
          Target: Name "B"
        ImportItem "c"
          Target: Name "c"
      Import "d"
        ImportItem
          Target: Name "d"
      Assign "=" +declaration +const
        Target: Name "e"
        Value: Member "h"
          Object: Member "g"
            Object: Name "f"
      Import "i" +exported +type-only
        ImportItem "I"
          Target: Name "I"
      Assign "=" +declaration +const +exported
        Target: Name "j"
        Value: Name "k"
      Other +exported
        Pair +type-only
          Value: Name "B"
          Key: Str "L"
    "#);
}

#[test]
fn assignments_to_a_module() {
    assert_snapshot!(outline(Language::TypeScript, "const a = 1; export = a;"), @r#"
    Module
      Assign "=" +declaration +const
        Target: Name "a"
        Value: Num "1"
      ExprStmt +exported
        Value: Name "a"
    "#);
    assert_snapshot!(outline(Language::TypeScript, "export as namespace A;"), @"
    Module
      Other
    ");
}

#[test]
fn decorators() {
    assert_snapshot!(outline(Language::TypeScript, r#"@A({ b: 1 }) export class C { @D() e: F; @G() h(@I("j") k: L) {} }"#), @r#"
    Module
      Class "C" +exported
        Decorator: Decorator
          Value: Call
            Callee: Name "A"
            Arg: Object
              Pair
                Key: Str "b"
                Value: Num "1"
        Body: Block
          Field "e"
            Decorator: Decorator
              Value: Call
                Callee: Name "D"
            Type: Type "F"
          Function "h" +method
            Decorator: Decorator
              Value: Call
                Callee: Name "G"
            Param: Param "k"
              Decorator: Decorator
                Value: Call
                  Callee: Name "I"
                  Arg: Str "j"
              Type: Type "L"
            Body: Block
    "#);
}

#[test]
fn calls_with_type_arguments() {
    assert_snapshot!(outline(Language::TypeScript, "f<A>(b); new C<D>(e); g<H>`i`; a?.b!.c;"), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "f"
          Arg: Name "b"
      ExprStmt
        Value: New
          Callee: Name "C"
          Arg: Name "e"
      ExprStmt
        Value: Tagged
          Callee: Name "g"
          Arg: Str "i"
      ExprStmt
        Value: Member "c"
          Object: Member "b" +optional
            Object: Name "a"
    "#);
}

#[test]
fn jsx_with_types() {
    assert_snapshot!(outline(Language::Tsx, "const a = <T,>(b: T) => <C<T> d={b}>{e as F}</C>;"), @r#"
    Module
      Assign "=" +declaration +const
        Target: Name "a"
        Value: Lambda
          Param: Param "b"
            Type: Type "T"
          Body: Jsx "C"
            JsxAttribute "d"
              Value: Name "b"
            Element: Cast
              Value: Name "e"
              Type: Type "F"
    "#);
}
