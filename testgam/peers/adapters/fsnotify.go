// fsnotify watches directories, not trees: a program that wants a tree adds what it finds, and what comes, as this one does.
package main

import (
	"fmt"
	"github.com/fsnotify/fsnotify"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		panic(err)
	}
	add := func(top string) {
		filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				watcher.Add(path)
			}
			return nil
		})
	}
	add(os.Args[1])
	fmt.Println("READY")
	for {
		select {
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create) {
				add(event.Name)
			}
			fmt.Printf("%s\t%s\n", event.Op, event.Name)
		case err := <-watcher.Errors:
			fmt.Printf("error\t%s\n", err)
		}
	}
}
