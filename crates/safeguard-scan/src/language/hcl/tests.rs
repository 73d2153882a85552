//! HCL and what it is read as.

use insta::assert_snapshot;

use super::{parse, parse_pattern};

fn outline(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |tree| tree.outline())
}

#[test]
fn blocks_and_expressions() {
    assert_snapshot!(outline("resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"${var.name}-logs\"\n  force_destroy = true\n  tags = { Name = \"x\", (var.k) = 1 }\n  lifecycle {\n    prevent_destroy = var.env == \"prod\" ? true : false\n  }\n  ids = [for s in var.s : s.id]\n  x = merge(local.a[0].b, aws_x.y[*].id)\n}\n"), @r#"
    Module
      Section "resource"
        Arg: Str "aws_s3_bucket"
        Arg: Str "b"
        Body: Block
          Assign "="
            Target: Name "bucket"
            Value: Interp
              Member "name"
                Object: Name "var"
              Str "-logs"
          Assign "="
            Target: Name "force_destroy"
            Value: Bool "true"
          Assign "="
            Target: Name "tags"
            Value: Object
              Pair
                Key: Str "Name"
                Value: Str "x"
              Pair
                Key: Member "k"
                  Object: Name "var"
                Value: Num "1"
          Section "lifecycle"
            Body: Block
              Assign "="
                Target: Name "prevent_destroy"
                Value: Conditional
                  Condition: Binary "=="
                    Left: Member "env"
                      Object: Name "var"
                    Right: Str "prod"
                  Value: Bool "true"
                  Else: Bool "false"
          Assign "="
            Target: Name "ids"
            Value: Other
              Other
                Other
                  Member "s"
                    Object: Name "var"
                Member "id"
                  Object: Name "s"
          Assign "="
            Target: Name "x"
            Value: Call
              Callee: Name "merge"
              Arg: Member "b"
                Object: Index
                  Object: Member "a"
                    Object: Name "local"
                  Index: Num "0"
              Arg: Other
                Member "y"
                  Object: Name "aws_x"
    "#);
}

#[test]
fn what_provisioners_run() {
    assert_snapshot!(outline("resource \"null_resource\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"rm -rf ${var.dir}/*\"\n  }\n}\n"), @r#"
    Module
      Section "resource"
        Arg: Str "null_resource"
        Arg: Str "x"
        Body: Block
          Section "provisioner"
            Arg: Str "local-exec"
            Body: Block
              Assign "="
                Target: Name "command"
                Value: Interp
                  Str "rm -rf "
                  Member "dir"
                    Object: Name "var"
                  Str "/*"
                Body: Block
                  ExprStmt
                    Value: Call
                      Callee: Str "rm"
                      Arg: Str "-rf"
                      Arg: Interp
                        Name "${var.dir}"
                        Str "/*"
    "#);
}

#[test]
fn patterns() {
    let pattern = |text: &str| {
        parse_pattern(text).map_or_else(|error| error.to_string(), |pattern| pattern.tree.outline())
    };
    assert_snapshot!(pattern("resource \"aws_s3_bucket\" $NAME {\n  ...\n  acl = \"public-read\"\n  ...\n}"), @r#"
    Module
      Section "resource"
        Arg: Str "aws_s3_bucket"
        Arg: Metavariable "NAME"
        Body: Block
          Ellipsis ""
            Target: Ellipsis ""
            Value: Bool "true"
          Assign "="
            Target: Name "acl"
            Value: Str "public-read"
          Ellipsis ""
            Target: Ellipsis ""
            Value: Bool "true"
    "#);
    assert_snapshot!(pattern("[..., \"0.0.0.0/0\", ...]"), @r#"
    Module
      Assign "="
        Target: Name "__value__"
        Value: List
          Ellipsis ""
          Str "0.0.0.0/0"
          Ellipsis ""
    "#);
}

#[test]
fn what_is_broken_is_said() {
    assert_snapshot!(outline("resource \"a\" {\n"), @r"
    line 2: `}` is missing
    ");
}

#[test]
fn what_is_nested_too_deep_is_refused_soon() {
    let lists = format!("a = {}1{}\n", "[".repeat(3_000), "]".repeat(3_000));
    let members = format!("a = b{}\n", ".c".repeat(3_000));
    let blocks = format!("{}{}", "a {\n".repeat(2_000), "}\n".repeat(2_000));
    for text in [lists, members, blocks] {
        assert!(parse(&text).is_err());
    }
}
