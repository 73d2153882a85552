query(`select ${a}`);
query(`select ${a} from ${b}`);
query(`select 1`);
query("select " + a);
