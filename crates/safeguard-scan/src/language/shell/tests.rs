//! Scripts and what they are read as.

use insta::assert_snapshot;

use super::parse;

fn outline(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |tree| tree.outline())
}

#[test]
fn commands_and_words() {
    assert_snapshot!(outline("sudo rm -rf \"$DIR/\"* 'a b' ${X:-/tmp}/y > out.txt 2>&1\n"), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Str "sudo"
          Arg: Str "rm"
          Arg: Str "-rf"
          Arg: Interp
            Name "DIR"
            Str "/*"
          Arg: Str "a b"
          Arg: Interp
            Binary ":-"
              Left: Name "X"
              Right: Str "/tmp"
            Str "/y"
          Target: Keyword ">"
            Value: Str "out.txt"
          Target: Keyword ">&"
            Value: Str "1"
    "#);
    assert_snapshot!(outline("X=1 make -j$(nproc) \"a ${Y:?unset} b\" &\n"), @r#"
    Module
      Go
        Value: ExprStmt
          Value: Call
            Init: Assign "="
              Target: Name "X"
              Value: Str "1"
            Callee: Str "make"
            Arg: Interp
              Str "-j"
              Block
                ExprStmt
                  Value: Call
                    Callee: Str "nproc"
            Arg: Interp
              Str "a "
              Binary ":?"
                Left: Name "Y"
                Right: Str "unset"
              Str " b"
    "#);
}

#[test]
fn conditions_and_loops() {
    assert_snapshot!(outline("if [ -z \"$A\" ]; then\n  exit 1\nelif grep -q x f && true; then\n  :\nelse\n  f || exit 2\nfi\n"), @r#"
    Module
      If
        Condition: Call
          Callee: Str "["
          Arg: Str "-z"
          Arg: Name "A"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Str "exit"
              Arg: Str "1"
        Else: If
          Condition: Binary "and"
            Left: Call
              Callee: Str "grep"
              Arg: Str "-q"
              Arg: Str "x"
              Arg: Str "f"
            Right: Call
              Callee: Str "true"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Str ":"
          Else: Block
            ExprStmt
              Value: Binary "or"
                Left: Call
                  Callee: Str "f"
                Right: Call
                  Callee: Str "exit"
                  Arg: Str "2"
    "#);
    assert_snapshot!(outline("while true; do sleep 1; done\nuntil curl -f u; do :; done\nfor f in *.txt; do cat \"$f\" | wc; done\n"), @r#"
    Module
      While
        Condition: Call
          Callee: Str "true"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Str "sleep"
              Arg: Str "1"
      While
        Condition: Unary "not"
          Value: Call
            Callee: Str "curl"
            Arg: Str "-f"
            Arg: Str "u"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Str ":"
      ForEach "in"
        Target: Name "f"
        Iter: Str "*.txt"
        Body: Block
          ExprStmt
            Value: Binary "|"
              Left: Call
                Callee: Str "cat"
                Arg: Name "f"
              Right: Call
                Callee: Str "wc"
    "#);
    assert_snapshot!(outline("case $1 in\n  a|b) x ;;\n  *) exit 1 ;;\nesac\nf() { local y=2; }\n"), @r#"
    Module
      Switch
        Subject: Name "1"
        Case
          Test: Str "a"
          Test: Str "b"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Str "x"
        Case
          Test: Str "*"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Str "exit"
                Arg: Str "1"
      Function "f"
        Body: Block
          Assign "=" +declaration
            Target: Name "y"
            Value: Str "2"
    "#);
}

#[test]
fn heredocs() {
    assert_snapshot!(outline("cat <<EOF > f\nhello $X\nEOF\n"), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Str "cat"
          Target: Keyword "<<"
            Target: Keyword ">"
              Value: Str "f"
            Value: Interp
              Str "hello "
              Name "X"
              Str "\n"
    "#);
}

#[test]
fn what_is_broken_is_said() {
    assert_snapshot!(outline("if true; then\n"), @r"
    line 1: `fi` is missing
    ");
    assert_snapshot!(outline("echo 'a\n"), @r"
    line 1: cannot be read: ` 'a`
    ");
}

#[test]
fn what_is_nested_too_deep_is_refused_soon() {
    let deep = format!("echo {}x{}\n", "$(echo ".repeat(2_000), ")".repeat(2_000));
    let long = format!("true{}\n", " && true".repeat(20_000));
    for text in [
        deep,
        long,
        "\"".repeat(20_001),
        "<<A ".repeat(5_000),
        "${a:-".repeat(5_000),
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn letters_beyond_ascii_keep_their_places() {
    let tree = parse("echo \"größe $X\" ‘a’\n").expect("a script");
    let parts: Vec<&str> = tree.all().map(|id| tree.source(id)).collect();
    assert!(
        parts.contains(&"größe ") && parts.contains(&"$X") && parts.contains(&"‘a’"),
        "{parts:?}"
    );
}
