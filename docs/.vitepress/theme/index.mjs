// The default theme with the fonts of the system: a page loads no font.
import theme from 'vitepress/theme-without-fonts';
import './site.css';

export default theme;
