cookie({ secure: false });
cookie({ name: "a", secure: false, path: "/" });
cookie({ secure: true });
cookie({ "secure": false });
cookie(options);
