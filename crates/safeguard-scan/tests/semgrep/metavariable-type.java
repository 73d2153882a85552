class A {
    boolean one(Token a, Token b) { return a.equals(b); }
    boolean two(String a, Token b) { return a.equals(b); }
}
