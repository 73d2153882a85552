//! Dockerfiles and what they are read as.

use insta::assert_snapshot;

use super::parse;

fn outline(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |tree| tree.outline())
}

#[test]
fn instructions() {
    assert_snapshot!(outline("# syntax=docker/dockerfile:1\nFROM --platform=linux/amd64 node:20 AS build\nENV A=1 B=\"x y\"\nARG TOKEN\nCOPY --from=build a b ./c/\nUSER app:app\nEXPOSE 80\nCMD [\"node\", \"a.js\"]"), @r#"
    Module
      Section "FROM"
        Arg: Keyword "platform"
          Value: Str "linux/amd64"
        Arg: Str "node:20"
        Arg: Keyword "as"
          Value: Str "build"
      Section "ENV"
        Arg: Keyword "A"
          Value: Str "1"
        Arg: Keyword "B"
          Value: Str "x y"
      Section "ARG"
        Arg: Keyword "TOKEN"
      Section "COPY"
        Arg: Keyword "from"
          Value: Str "build"
        Arg: Str "a"
        Arg: Str "b"
        Arg: Str "./c/"
      Section "USER"
        Arg: Str "app:app"
      Section "EXPOSE"
        Arg: Str "80"
      Section "CMD"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Str "node"
              Arg: Str "a.js"
    "#);
}

#[test]
fn what_is_run() {
    assert_snapshot!(outline("FROM a\nRUN apt-get update && \\\n    # a comment\n    rm -rf /x\nENTRYPOINT [\"sh\", \"-c\", \"exec \\\"$0\\\"\"]\nRUN <<EOF\nset -e\nmake\nEOF\n"), @r#"
    Module
      Section "FROM"
        Arg: Str "a"
      Section "RUN"
        Body: Block
          ExprStmt
            Value: Binary "and"
              Left: Call
                Callee: Str "apt-get"
                Arg: Str "update"
              Right: Call
                Callee: Str "rm"
                Arg: Str "-rf"
                Arg: Str "/x"
      Section "ENTRYPOINT"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Str "exec"
              Arg: Name "0"
      Section "RUN"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Str "set"
              Arg: Str "-e"
          ExprStmt
            Value: Call
              Callee: Str "make"
    "#);
}

#[test]
fn what_is_broken_is_said() {
    assert_snapshot!(outline("FROM a\nRUNN x\n"), @r"
    line 2: cannot be read: `RUNN x`
    ");
}

#[test]
fn scripts_of_windows_are_not_read_as_shell() {
    let tree = parse("FROM mcr.microsoft.com/windows/servercore:ltsc2022\nRUN if (Test-Path x) { rm x }\n")
        .expect("a file");
    assert_eq!(tree.unread(), &[] as &[String]);
    let tree = parse("FROM debian:12\nRUN if true; then\n").expect("a file");
    assert_eq!(tree.unread().len(), 1);
}
