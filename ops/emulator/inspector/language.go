package inspector

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	tags "golang.org/x/text/language"
)

// languages are those of the page, with their own names.
var languages = map[string]string{"en": "English", "zh": "中文"}

const (
	languageCookie = "wxpay-inspector-lang"
	themeCookie    = "wxpay-inspector-theme"
)

// language is that of the address, else that of the cookie, else the one that the browser likes better.
func language(w http.ResponseWriter, r *http.Request) string {
	if lang := r.URL.Query().Get("lang"); languages[lang] != "" {
		remember(w, languageCookie, lang)
		return lang
	}
	if c, err := r.Cookie(languageCookie); err == nil && languages[c.Value] != "" {
		return c.Value
	}
	likes, _, _ := tags.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // nonsense is liking nothing
	for _, tag := range likes {
		if base, _ := tag.Base(); languages[base.String()] != "" {
			return base.String()
		}
	}
	return "en"
}

// theme is light, dark, or empty: as the system has it.
func theme(w http.ResponseWriter, r *http.Request) string {
	known := func(name string) bool { return name == "light" || name == "dark" }
	if name := r.URL.Query().Get("theme"); known(name) || name == "auto" {
		remember(w, themeCookie, name)
		return strings.TrimPrefix(name, "auto")
	}
	if c, err := r.Cookie(themeCookie); err == nil && known(c.Value) {
		return c.Value
	}
	return ""
}

func remember(w http.ResponseWriter, name, value string) {
	cookie := (&http.Cookie{Name: name, Value: value, Path: Root, MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteStrictMode}).String()
	if slices.Contains(w.Header().Values("Set-Cookie"), cookie) {
		return // a handler asks more than once
	}
	w.Header().Add("Set-Cookie", cookie)
}

// say is a text in a language. Texts are written in English where they are used; words holds their Chinese.
func say(lang, text string, args ...any) string {
	if chinese, ok := words[text]; ok && lang == "zh" {
		text = chinese
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// either is what the fake says in both languages, in one of them.
func either(lang, english, chinese string) string {
	if lang == "zh" && chinese != "" {
		return chinese
	}
	return english
}
