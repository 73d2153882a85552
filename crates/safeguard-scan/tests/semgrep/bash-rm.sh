rm -rf $DIR
rm -rf "$DIR"
rm -rf $dir
rm $DIR a
echo $DIR
