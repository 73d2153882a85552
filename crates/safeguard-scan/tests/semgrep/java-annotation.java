class A {
    @GetMapping("/a")
    public String one() { return "a"; }
    @PostMapping("/a")
    public String two() { return "a"; }
    @GetMapping("/b") @Secured
    String three(int a) { return "a"; }
}
