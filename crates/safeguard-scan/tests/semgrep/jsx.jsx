const a = <div dangerouslySetInnerHTML={{ __html: x }} />;
const b = <div className="a" dangerouslySetInnerHTML={{ __html: x }} />;
const c = <div className="a" />;
const d = <p dangerouslySetInnerHTML={y}></p>;
