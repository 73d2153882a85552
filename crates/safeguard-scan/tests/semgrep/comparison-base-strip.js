chmod(a, "0777");
chmod(a, "0644");
chmod(a, '777');
chmod(a, mode);
