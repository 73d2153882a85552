// PostgreSQL's driver for Java: prepared statements, batches, cursors, savepoints, COPY.

import java.io.StringReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;

public class JdbcClient {
    interface Run {
        void run() throws Exception;
    }

    static void refused(Run run, String code) throws Exception {
        try {
            run.run();
        } catch (SQLException error) {
            SQLException first = error.getNextException() != null ? error.getNextException() : error;
            must(code.equals(first.getSQLState()), first.getSQLState() + " " + first.getMessage());
            must(((PSQLException) first).getServerErrorMessage().getHint() != null, "no hint: " + first);
            return;
        }
        throw new AssertionError("it ran");
    }

    static void must(boolean is, String told) {
        if (!is) {
            throw new AssertionError(told);
        }
    }

    static Connection connect(boolean rewrites) throws Exception {
        URI url = new URI(System.getenv("DATABASE_URL"));
        String[] login = url.getUserInfo().split(":", 2);
        Properties settings = new Properties();
        settings.setProperty("user", login[0]);
        settings.setProperty("password", login[1]);
        settings.setProperty("prepareThreshold", "3");
        settings.setProperty("reWriteBatchedInserts", Boolean.toString(rewrites));
        return DriverManager.getConnection("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath(), settings);
    }

    static void batch(Connection db, String one, String other) throws Exception {
        try (PreparedStatement insert = db.prepareStatement("INSERT INTO notes (text) VALUES (?)")) {
            for (String text : new String[] {one, other}) {
                insert.setString(1, text);
                insert.addBatch();
            }
            insert.executeBatch();
        }
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection db = connect(false); Connection rewriting = connect(true); Statement plain = db.createStatement()) {
            // From the third time on it is prepared on the server, and comes in binary.
            try (PreparedStatement select = db.prepareStatement("SELECT name FROM articles WHERE id = ?")) {
                for (int id = 1; id < 9; id++) {
                    select.setInt(1, id);
                    ResultSet rows = select.executeQuery();
                    must(rows.next() && rows.getString(1).equals("article " + id), "article " + id);
                }
            }
            batch(db, "one", "two");
            batch(rewriting, "three", "four");

            db.setAutoCommit(false);
            plain.executeUpdate("UPDATE notes SET text = 'uno' WHERE text = 'one'");
            Savepoint before = db.setSavepoint();
            plain.executeUpdate("INSERT INTO notes (text) VALUES ('never')");
            db.rollback(before);
            db.commit();
            try (PreparedStatement all = db.prepareStatement("SELECT id FROM articles ORDER BY id")) {
                all.setFetchSize(10);
                ResultSet rows = all.executeQuery();
                int count = 0;
                while (rows.next()) {
                    count++;
                }
                must(count == 100, count + " articles");
            }
            db.commit();
            db.setAutoCommit(true);

            refused(() -> plain.executeUpdate("DELETE FROM articles WHERE id = 1"), "42501");
            refused(() -> plain.execute("SELECT 1; DROP TABLE articles"), "42501");
            refused(() -> plain.executeUpdate("INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, 5000)"), "53400");
            try (PreparedStatement delete = db.prepareStatement("DELETE FROM articles WHERE id = ?")) {
                for (int again = 0; again < 5; again++) {
                    delete.setInt(1, again);
                    refused(delete::executeUpdate, "42501");
                }
            }
            refused(() -> {
                plain.addBatch("INSERT INTO notes (text) VALUES ('never')");
                plain.addBatch("DELETE FROM articles");
                db.setAutoCommit(false);
                try {
                    plain.executeBatch();
                } finally {
                    db.rollback();
                    db.setAutoCommit(true);
                }
            }, "42501");

            CopyManager copy = db.unwrap(PGConnection.class).getCopyAPI();
            must(copy.copyIn("COPY notes (text) FROM STDIN", new StringReader("five\nsix\n")) == 2, "two rows");
            java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
            copy.copyOut("COPY (SELECT id FROM articles ORDER BY id LIMIT 3) TO STDOUT", out);
            must(out.toString(StandardCharsets.UTF_8).equals("1\n2\n3\n"), out.toString(StandardCharsets.UTF_8));
            System.out.println("6 notes");
        }
    }
}
