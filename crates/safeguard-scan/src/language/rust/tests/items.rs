//! Uses, types, functions and attributes.

use insta::assert_snapshot;

use super::outline;

#[test]
fn uses() {
    assert_snapshot!(outline(r##"use std::{fs, io::{self, Read as R}, collections::*};
pub use crate::a::B as C;
extern crate foo;
use serde;"##), @r##"
    Module
      Import "std"
        ImportItem "fs"
          Target: Name "fs"
      Import "std"
        ImportItem "io"
          Target: Name "io"
      Import "std.io"
        ImportItem "Read"
          Target: Name "R"
      Import "std.collections"
        ImportItem "*"
      Import "crate.a" +exported
        ImportItem "B"
          Target: Name "C"
      Import "foo"
        ImportItem
          Target: Name "foo"
      Import "serde"
        ImportItem ""
          Target: Name "serde"
    "##);
}

#[test]
fn types() {
    assert_snapshot!(outline(r##"#![allow(unused)]
#[derive(Debug)]
pub struct Order { #[serde(default)] pub amount: f64, id: u64 }
enum E { A, B(String) }
static mut COUNT: u32 = 0;
const SQL: &str = "a\nb";"##), @r##"
    Module
      Decorator: Decorator
        Value: Call
          Callee: Name "allow"
          Arg: Name "unused"
      Class "Order" +exported
        Decorator: Decorator
          Value: Call
            Callee: Name "derive"
            Arg: Name "Debug"
        Body: Block
          Field "amount" +exported
            Decorator: Decorator
              Value: Call
                Callee: Name "serde"
                Arg: Name "default"
            Type: Type "f64"
          Field "id"
            Type: Type "u64"
      Class "E"
        Body: Block
          Field "A"
          Field "B"
      Assign "=" +declaration +static
        Decorator: Decorator
          Value: Name "mut"
        Target: Name "COUNT"
        Type: Type "u32"
        Value: Num "0"
      Assign "=" +declaration +const
        Target: Name "SQL"
        Type: Type "&str"
        Value: Str "a\nb"
    "##);
}

#[test]
fn functions() {
    assert_snapshot!(outline(r##"impl Handler for Order<T> {
  #[get("/x/{id}")]
  pub async fn get(&self, Query(q): Query<Params>, mut n: &mut String) -> Result<(), E> { n.x() }
}
unsafe fn raw();"##), @r##"
    Module
      Class "Order"
        Base: Name "Handler"
        Body: Block
          Function "get" +async +exported
            Decorator: Decorator
              Value: Call
                Callee: Name "get"
                Arg: Str "/x/{id}"
            Param: Param "self"
            Param: Param
              Target: Tuple "Query"
                Name "q"
              Type: Type "Query<Params>"
            Param: Param "n"
              Type: Type "&mut String"
            Type: Type "Result<(),E>"
            Body: Block
              Return
                Value: Call
                  Callee: Member "x"
                    Object: Name "n"
      Function "raw"
        Decorator: Decorator
          Value: Name "unsafe"
    "##);
}

#[test]
fn modules() {
    assert_snapshot!(outline(r##"mod inner { #[cfg(test)] mod tests { #[test] fn works() {} } }"##), @r##"
    Module
      Other "inner"
        Body: Block
          Other "tests"
            Decorator: Decorator
              Value: Call
                Callee: Name "cfg"
                Arg: Name "test"
            Body: Block
              Function "works"
                Decorator: Decorator
                  Value: Name "test"
                Body: Block
    "##);
}
