class A {
    public void one(String cmd) throws Exception {
        Runtime.getRuntime().exec(cmd);
    }
    public int two(int a, String cmd) throws Exception {
        log(cmd);
        Runtime.getRuntime().exec(cmd);
        return 1;
    }
    private void three(String cmd) throws Exception {
        Runtime.getRuntime().exec(cmd);
    }
    public void four(String cmd) throws Exception {
        Runtime.getRuntime().exec("ls");
    }
}
