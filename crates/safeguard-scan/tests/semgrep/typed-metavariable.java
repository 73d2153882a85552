class A {
    boolean one(Token a, Token b) { return a.equals(b); }
    boolean two(String a, Token b) { return a.equals(b); }
    boolean three() { Token t = make(); return t.equals(null); }
}
